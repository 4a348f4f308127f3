-- docs/reference.md, and the tables that the READMEs share with it.
-- luacheck: std lua54

local core = require "itrigger.core"

local reference = {}

-- ---- tables ----

local function cell(text)
  return (text:gsub("|", "\\|"))
end

local function row(cells)
  return "| " .. table.concat(cells, " | ") .. " |\n"
end

-- head: titles. rows: lists of texts.
local function markdown(head, rows)
  local rule = {}
  for i = 1, #head do
    rule[i] = "---"
  end
  local out = { row(head), row(rule) }
  for _, cells in ipairs(rows) do
    for i, text in ipairs(cells) do
      cells[i] = cell(text)
    end
    out[#out + 1] = row(cells)
  end
  return table.concat(out)
end

local function code(text)
  return "`" .. text .. "`"
end

-- ---- what the core knows of an option ----

local known = {}
for _, option in ipairs(core.options()) do
  known[option.name] = option
end

local function number(value)
  return math.type(value) == "integer" and tostring(value) or ("%g"):format(value)
end

local function unit(option, language)
  local own = known[option.name]
  if option.unit then
    return option.unit[language]
  end
  return own and own.type == "seconds" and "s" or ""
end

local function standard(option, language)
  local own = known[option.name]
  if option.standard then
    return option.standard[language]
  elseif option.lua then
    return code(option.lua.default)
  elseif own and own.default ~= nil then
    return type(own.default) == "string" and code(own.default) or number(own.default)
  end
  return "–"
end

local function allowed(option)
  local own = known[option.name]
  local words = option.lua and option.lua.words or own and own.choices
  if words then
    return "`" .. table.concat(words, "`, `") .. "`"
  elseif own and own.min then
    return number(own.min) .. " – " .. number(own.max)
  end
  return own and own.type == "codes" and "integers" or "a string"
end

local function variable(option)
  return code("ITRIGGER_" .. option.name:upper())
end

-- ---- the READMEs' tables ----

local heads = {
  text = {
    options = { "option", "default", "unit", "environment", "meaning" },
    opts = { "opt", "default", "unit", "meaning" },
    kinds = { "kind", "when" },
    err = { "field", "meaning" },
  },
  zh = {
    options = { "选项", "默认值", "单位", "环境变量", "说明" },
    opts = { "参数", "默认值", "单位", "说明" },
    kinds = { "kind", "何时出现" },
    err = { "字段", "说明" },
  },
}

local rows = {}

function rows.options(option, language)
  return { code(option.name), standard(option, language), unit(option, language), variable(option), option[language] }
end

function rows.opts(opt, language)
  return { code(opt.name), opt.standard[language], opt.unit or "", opt[language] }
end

function rows.kinds(kind, language)
  return { code(kind.name), kind[language] }
end
rows.err = rows.kinds

-- One of options, opts, kinds, err; language is "text" or "zh".
function reference.table(api, name, language)
  local out = {}
  for i, item in ipairs(api[name]) do
    out[i] = rows[name](item, language)
  end
  return markdown(heads[language][name], out)
end

-- ---- the page ----

-- "text. More. (rule)", as far as there is.
local function explain(item)
  local text = item.text
  if item.more then
    text = (text == "" and "" or text:gsub("%.?$", ". ")) .. item.more
  end
  if item.rule then
    text = text .. (text == "" and "" or " ") .. "(" .. item.rule .. ")"
  end
  return text
end

local function signature(f)
  local args = {}
  for i, arg in ipairs(f.args) do
    args[i] = (arg.optional and "[" or "") .. (i > 1 and ", " or "") .. arg.name .. (arg.optional and "]" or "")
  end
  return (f.on == "module" and "itrigger." or "client:") .. f.name .. "(" .. table.concat(args) .. ")"
end

local function type_of(item)
  return code(item.type .. (item.optional and "?" or ""))
end

local function list(title, items)
  local out = {}
  for i, item in ipairs(items) do
    local text = explain(item)
    out[i] = ("- %s`%s` %s%s\n"):format(title, item.name, type_of(item), text == "" and "" or ": " .. text)
  end
  return table.concat(out)
end

local function function_text(f)
  local errors = {}
  for i, kind in ipairs(f.errors) do
    errors[i] = code(kind)
  end
  local out = { "### `", signature(f), "`\n\n", f.text, f.more and " " .. f.more or "", "\n\n" }
  out[#out + 1] = list("", f.args)
  out[#out + 1] = list("returns ", f.returns)
  if #errors > 0 then
    out[#out + 1] = "- kinds of error: " .. table.concat(errors, ", ") .. "\n"
  end
  out[#out + 1] = "- rule: " .. f.rule .. "\n\n"
  return table.concat(out)
end

local function options_text(api)
  local out = {}
  for i, option in ipairs(api.options) do
    local own = unit(option, "text")
    out[i] = {
      code(option.name),
      allowed(option),
      standard(option, "text") .. (own ~= "" and standard(option, "text"):match "^%d+$" and " " .. own or ""),
      explain(option),
    }
  end
  return markdown({ "option", "can be", "default", "meaning" }, out)
end

local function opts_text(api)
  local out = {}
  for i, opt in ipairs(api.opts) do
    local bounds = opt.bounds and opt.bounds .. " s" or ""
    out[i] = { code(opt.name), code(opt.type), bounds, opt.standard.text, explain(opt) }
  end
  return markdown({ "opt", "type", "can be", "default", "meaning" }, out)
end

local function fields_text(fields)
  local out = {}
  for i, field in ipairs(fields) do
    out[i] = { code(field.name), type_of(field), explain(field) }
  end
  return markdown({ "field", "type", "meaning" }, out)
end

local function words_text(title, words)
  local out = {}
  for i, word in ipairs(words) do
    out[i] = { code(word.name), word.text }
  end
  return markdown({ title, "what is true" }, out)
end

local function codes_text()
  local numbers, out = {}, {}
  for n in pairs(core.codes()) do
    numbers[#numbers + 1] = n
  end
  table.sort(numbers)
  for i, n in ipairs(numbers) do
    out[i] = { tostring(n), code(core.codes()[n]) }
  end
  return markdown({ "code", "name" }, out)
end

local function functions_text(api, on)
  local out = {}
  for _, f in ipairs(api.functions) do
    if f.on == on then
      out[#out + 1] = function_text(f)
    end
  end
  return table.concat(out)
end

function reference.page(api)
  return table.concat {
    "# Reference\n\n",
    "<!-- Made by tools/docs from docs/api.lua and the core's own tables. Do not edit. -->\n\n",
    "Everything public of `require \"itrigger\"`. What the submodules (`itrigger.client`, `itrigger.core` …) hold beyond this\n",
    "may change. A rule such as \"design.md 4.2\" is a section of [design.md](design.md) or [protocol.md](protocol.md).\n\n",
    "Editors with lua-language-server find the types in `types/` of the sources: add that folder to `workspace.library`.\n\n",
    "An argument of the wrong type raises an error at the caller's level. Everything else is returned as `nil, err`.\n\n",
    "- [Module](#module) · [Client](#client) · [Options](#options) · [Opts of a call](#opts-of-a-call)\n",
    "- [Errors](#errors) · [Codes](#codes) · [Answers](#answers) · [Stats](#stats)\n\n",
    "## Module\n\n",
    list("itrigger.", api.values):gsub("%- itrigger%.`", "- `itrigger."),
    "\n",
    functions_text(api, "module"),
    "## Client\n\n",
    functions_text(api, "client"),
    "## Options\n\n",
    "Of `itrigger.new` and `itrigger.configure`. What is not given is taken from the environment, which is read once, when the\n",
    "module is loaded: `ITRIGGER_` and the name in capitals, such as `ITRIGGER_APP_ID`. Times are seconds and may have\n",
    "fractions. A name that is not known is an error that tells the nearest known one.\n\n",
    options_text(api),
    "\n## Opts of a call\n\n",
    "The last argument of `get` and `post`. `token` and `refresh` know `timeout` and `min_valid`.\n\n",
    opts_text(api),
    "\n## Errors\n\n",
    "A table; its string is one readable line, and `..` joins it to strings. `assert(itrigger.get(…))` shows that line (not on\n",
    "plain Lua 5.1 and 5.2, whose `assert` takes no table).\n\n",
    fields_text(api.err),
    "\n",
    reference.table(api, "kinds", "text"),
    "\n### Codes\n\nThe documented ones (protocol.md, Codes):\n\n",
    codes_text(),
    "\n## Answers\n\nOf a call that succeeded, all that the gateway sent; of every endpoint's answers these are known:\n\n",
    fields_text(api.envelope),
    "\nWith `raw = true`:\n\n",
    fields_text(api.raw),
    "\nWhere a token came from, the third result of `client:token`:\n\n",
    words_text("source", api.sources),
    "\n## Stats\n\n",
    fields_text(api.stats),
    "\nEach of `events`:\n\n",
    fields_text(api.event),
    "\n### States and events\n\n",
    words_text("state", api.states),
    "\n",
    words_text("why", api.whys),
  }
end

return reference

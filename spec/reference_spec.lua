-- docs/reference.md, types/itrigger.lua and the tables of docs/zh-CN/reference.md name what the code has, and nothing else.

local core = require "itrigger.core"
local errors = require "itrigger.errors"
local itrigger = require "itrigger"
local options = require "itrigger.options"

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

-- ---- what is written ----

-- The tables of a page, each { head = first title, [i] = cells }, by that title: one or several.
local function tables_of(path)
  local found, current = {}, nil
  for line in read(path):gmatch("([^\n]*)\n") do
    if not line:find("^|") then
      current = nil
    elseif not line:find("^| %-%-%-") then
      local cells = {}
      for cell in line:sub(2):gmatch("%s*(.-)%s*|") do
        cells[#cells + 1] = cell
      end
      if current == nil then
        current = {}
        found[cells[1]] = found[cells[1]] or {}
        table.insert(found[cells[1]], current)
      else
        current[#current + 1] = cells
      end
    end
  end
  return found
end

-- types/itrigger.lua: classes and aliases by name, each a list of { name, text, optional = }; functions as
-- { ["client:get"] = { "path", "[params]" } }.
local function parse_types()
  local types, functions, current, arguments = {}, {}, nil, {}
  for line in read("types/itrigger.lua"):gmatch("([^\n]*)\n") do
    local name = line:match("^%-%-%-@class (itrigger[%.%w]*)") or line:match("^%-%-%-@alias (itrigger[%.%w]*)")
    if name then
      current = {}
      types[name] = current
    end
    local field, mark, text = line:match("^%-%-%-@field (%[?[%w_]+%]?)(%??) (.*)$")
    if field then
      -- A type has no space, but for those that are written out.
      text = text:gsub("^%S*{.-}", "T"):gsub("^table%b<>", "T"):gsub("^fun%b():? ?%l*%?", "T"):gsub("^fun%b()", "T")
        :match("^%S* ?(.*)$")
      table.insert(current, { name = field, text = text, optional = mark == "?" })
    end
    local word, meaning = line:match('^%-%-%-| "([%w_]+)" # (.*)$')
    if word then
      table.insert(current, { name = word, text = meaning })
    end
    local argument, may_be_nil = line:match("^%-%-%-@param ([%w_]+)(%??)")
    if argument then
      arguments[#arguments + 1] = may_be_nil == "?" and "[" .. argument .. "]" or argument
    end
    local defined = line:match("^function ([%w:.]+)")
    if defined then
      functions[defined], arguments = arguments, {}
    end
  end
  return types, functions
end

local reference = tables_of "docs/reference.md"
local types, functions = parse_types()

-- ---- comparing ----

local function sorted(set)
  local list = {}
  for name in pairs(set) do
    list[#list + 1] = name
  end
  table.sort(list)
  return list
end

-- First cells of rows, without their ticks.
local function names_of_rows(rows)
  local names = {}
  for i, cells in ipairs(rows) do
    names[i] = cells[1]:match("^`(.*)`$") or cells[1]
  end
  return names
end

local function names_of_fields(fields)
  local names = {}
  for i, field in ipairs(fields) do
    names[i] = field.name
  end
  return names
end

local function set_of(list)
  local set = {}
  for _, name in ipairs(list) do
    set[name] = true
  end
  return set
end

-- The names in a list of the C source: { "timeout", "raw", NULL }.
local function c_list(path, list)
  local body = assert(read(path):match(list .. "%[%]%s*=%s*{(.-)}"), path .. ": no list " .. list)
  local set = {}
  for name in body:gmatch('"([%w_]+)"') do
    set[name] = true
  end
  return set
end

local function number(value)
  return ("%.14g"):format(value)
end

local chinese = tables_of "docs/zh-CN/reference.md"

-- Name, rows of the reference, fields of the types, and rows of the Chinese reference where it has such a table.
local PAIRS = {
  { "options", reference.option[1], types["itrigger.Options"], chinese["选项"][1] },
  { "opts", reference.opt[1], types["itrigger.CallOpts"], chinese["参数"][1] },
  { "kinds", reference.kind[1], types["itrigger.Kind"], chinese.kind[1] },
  { "fields of a request", reference.request[1], types["itrigger.Request"] },
  { "fields of a result", reference.result[1], types["itrigger.Result"] },
  { "opts of a batch", reference["opt of a batch"][1], types["itrigger.BatchOpts"] },
  { "opts of a list", reference["opt of a list"][1], types["itrigger.PagesOpts"] },
  { "fields of an error", reference.field[1], types["itrigger.Error"], chinese["字段"][1] },
  { "fields of an envelope", reference.field[2], types["itrigger.Envelope"] },
  { "fields of a raw answer", reference.field[3], types["itrigger.Raw"] },
  { "fields of stats", reference.field[4], types["itrigger.Stats"] },
  { "fields of an event", reference.field[5], types["itrigger.Event"] },
  { "fields of a call", reference.field[6], types["itrigger.Call"] },
  { "sources", reference.source[1], types["itrigger.Source"] },
  { "states", reference.state[1], types["itrigger.State"] },
  { "whys", reference.why[1], types["itrigger.Why"] },
}

describe("the reference", function()
  for _, pair in ipairs(PAIRS) do
    local what, rows, fields, in_chinese = pair[1], pair[2], pair[3], pair[4]

    it("has the " .. what .. " of the types, in their words", function()
      if rows[#rows][1]:find("…", 1, true) then -- and the opts of a call
        rows[#rows] = nil
      end
      assert.same(names_of_fields(fields), names_of_rows(rows))
      for i, field in ipairs(fields) do
        local meaning = rows[i][#rows[i]]
        assert.equal(field.text, meaning:sub(1, #field.text), field.name)
      end
    end)

    if in_chinese then
      it("has the " .. what .. " of the Chinese reference", function()
        assert.same(names_of_rows(rows), names_of_rows(in_chinese))
        for i, cells in ipairs(rows) do
          if cells[4] and (cells[3]:find("^%d") or cells[3]:find("^`")) then
            assert.equal((cells[3]:gsub(" s$", "")), in_chinese[i][2], cells[1])
          end
        end
      end)
    end
  end

  it("has every option, and no other", function()
    local real = { null = true, on_call = true, transport = true } -- the Lua side's own
    for _, option in ipairs(core.options()) do
      real[option.name] = true
    end
    assert.same(sorted(real), sorted(set_of(names_of_rows(reference.option[1]))))
    for _, name in ipairs { "null", "on_call", "transport" } do
      local _, err = options.resolve { [name] = "no such word" }
      assert.truthy(err.message:find("option " .. name .. " ", 1, true))
    end
  end)

  it("has no option that nothing reads", function()
    local pipe = io.popen "find src -name '*.c' ! -path src/core/config/config.c | xargs cat"
    local sources = pipe:read("*a"):gsub("/%*.-%*/", "")
    pipe:close()
    -- Somewhere the field of a config is read: not only set or freed.
    local function is_read(field)
      for after in sources:gmatch("[>.]" .. field .. "%f[^%w_](..?)") do
        if after ~= " =" then
          return true
        end
      end
    end
    for _, option in ipairs(core.options()) do
      assert.truthy(is_read(option.name .. (option.type == "seconds" and "_ms" or "")), option.name)
    end
  end)

  it("has the bounds and defaults of every option", function()
    local row_of = {}
    for i, name in ipairs(names_of_rows(reference.option[1])) do
      row_of[name] = reference.option[1][i]
    end
    for _, option in ipairs(core.options()) do
      local can_be, default = row_of[option.name][2], row_of[option.name][3]
      if option.choices then
        assert.equal("`" .. table.concat(option.choices, "`, `") .. "`", can_be, option.name)
      elseif option.min then
        assert.equal(number(option.min) .. " – " .. number(option.max), can_be, option.name)
      end
      if type(option.default) == "number" then
        assert.equal(number(option.default) .. (option.type == "seconds" and " s" or ""), default, option.name)
      elseif option.default then
        assert.equal("`" .. option.default .. "`", default, option.name)
      end
    end
  end)

  it("has every opt, and no other", function()
    local path = "src/bind/call_opts.c"
    assert.same(sorted(c_list(path, "call_names")), sorted(set_of(names_of_rows(reference.opt[1]))))
    assert.same(sorted(c_list(path, "token_names")), sorted(set_of(names_of_fields(types["itrigger.TokenOpts"]))))
  end)

  it("has every function and every value, with the arguments of the types", function()
    local real, written = {}, {}
    for name, value in pairs(itrigger) do
      real[type(value) == "function" and "itrigger." .. name or name] = true
    end
    for name in pairs(require("itrigger.client").methods) do
      real["client:" .. name] = true
    end
    local text = read "docs/reference.md"
    for name, list in text:gmatch("\n### `([%w:.]+)(%b())`") do
      written[name] = true
      local arguments = {}
      for open, argument in list:gmatch("(%[?)[, ]*([%w_]+)") do
        arguments[#arguments + 1] = open == "[" and "[" .. argument .. "]" or argument
      end
      assert.same(functions[name], arguments, name)
    end
    for name in text:gmatch("\n%- `itrigger%.([%w_]+)`:") do
      written[name] = true
    end
    assert.same(sorted(real), sorted(written))
    local typed = set_of(names_of_fields(types["itrigger"]))
    for name in pairs(functions) do
      typed[name] = true
    end
    assert.same(sorted(real), sorted(typed))
  end)

  it("has every kind of error, every state and every reason, and no other", function()
    assert.same(sorted(errors.kinds), sorted(set_of(names_of_rows(reference.kind[1]))))
    local path = "src/core/source/cache.c"
    assert.same(sorted(c_list(path, "itr_cache_state_name.-names")), sorted(set_of(names_of_rows(reference.state[1]))))
    local whys = c_list(path, "itr_cache_why_name.-names")
    whys.nothing = nil -- is never noted
    assert.same(sorted(whys), sorted(set_of(names_of_rows(reference.why[1]))))
  end)

  it("has every source of a token, and no other", function()
    local names = {}
    local body = read("src/core/record/token.c"):match("itr_token_origin_name(.-)\n}")
    for name in body:gmatch('case ITR_FROM_%w+:%s*return "(%w+)"') do
      names[name] = true
    end
    assert.same(sorted(names), sorted(set_of(names_of_rows(reference.source[1]))))
  end)

  it("has every documented code", function()
    local written = {}
    for _, cells in ipairs(reference.code[1]) do
      written[tonumber(cells[1])] = cells[2]:match("`(.*)`")
    end
    assert.same(core.codes(), written)
  end)

  it("has the fields of stats and of an error that there are without a request", function()
    local made = assert(itrigger.new { app_id = "a", app_secret = "s", gateway = "http://127.0.0.1:9" })
    local _, err = made:get "no path"
    for _, pair in ipairs { { "itrigger.Stats", made:stats() }, { "itrigger.Error", err } } do
      local known, real = {}, pair[2]
      for _, field in ipairs(types[pair[1]]) do
        known[field.name] = true
        assert.truthy(field.optional or real[field.name] ~= nil, pair[1] .. "." .. field.name)
      end
      for name in pairs(real) do
        assert.truthy(known[name], pair[1] .. "." .. name)
      end
    end
    made:close()
  end)
end)

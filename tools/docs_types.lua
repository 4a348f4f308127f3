-- types/itrigger.lua: LuaCATS annotations for lua-language-server. A C function has no Lua source to annotate.

local core = require "itrigger.core"

local lines

local function add(...)
  lines[#lines + 1] = string.format(...)
end

-- Markdown links have no target here.
local function plain(text)
  return (text:gsub("%[([^%]]-)%]%(#[^)]-%)", "%1"))
end

local function class(name, fields, describe)
  add("---@class %s", name)
  for _, field in ipairs(fields) do
    local text = plain(field.text)
    add("---@field %s%s %s%s", field.name, field.optional and "?" or "", describe(field), text == "" and "" or " " .. text)
  end
  add("")
end

local function own_type(field)
  return field.type
end

local function alias(name, words)
  add("---@alias %s", name)
  for _, word in ipairs(words) do
    add('---| "%s" # %s', word.name, plain(word.text))
  end
  add("")
end

-- ---- options ----

local known = {}
for _, option in ipairs(core.options()) do
  known[option.name] = option
end

local of_type = { string = "string", seconds = "number", integer = "integer", codes = "integer[]|string" }

local function option_type(option)
  local words = option.lua and option.lua.words or known[option.name].choices
  if words then
    return '"' .. table.concat(words, '"|"') .. '"' .. (option.lua and option.lua.also and "|" .. option.lua.also or "")
  end
  return of_type[known[option.name].type]
end

-- All of them can be left out: the environment may have them.
local function options(api)
  local fields = {}
  for i, option in ipairs(api.options) do
    fields[i] = { name = option.name, optional = true, text = option.text, option = option }
  end
  class("itrigger.Options", fields, function(field)
    return option_type(field.option)
  end)
end

local function opts(name, api, of_token)
  local fields = {}
  for _, opt in ipairs(api.opts) do
    if opt.token or not of_token then
      fields[#fields + 1] = { name = opt.name, type = opt.type, optional = true, text = opt.text }
    end
  end
  class(name, fields, own_type)
end

-- ---- functions ----

local function add_function(f)
  add("---%s", plain(f.text))
  if f.more then
    add("---%s", plain(f.more))
  end
  for _, arg in ipairs(f.args) do
    add("---@param %s%s %s %s", arg.name, arg.optional and "?" or "", arg.type, plain(arg.text))
  end
  for _, result in ipairs(f.returns) do
    local text = plain(result.text)
    add("---@return %s%s %s%s", result.type, result.optional and "?" or "", result.name, text == "" and "" or " " .. text)
  end
  local names = {}
  for i, arg in ipairs(f.args) do
    names[i] = arg.name
  end
  local owner = f.on == "module" and "itrigger." or "client:"
  add("function %s%s(%s) end", owner, f.name, table.concat(names, ", "))
  add("")
end

local function functions(api, on)
  for _, f in ipairs(api.functions) do
    if f.on == on then
      add_function(f)
    end
  end
end

-- What batches and pages take and give.
local MANY = [[
---@class itrigger.Request : itrigger.CallOpts
---@field [1] "GET"|"POST"
---@field [2] string path
---@field [3]? table params or body
---@field tag? any comes back in the result

---@class itrigger.BatchOpts : itrigger.CallOpts
---@field concurrency? integer calls at once
---@field on_progress? fun(done: integer, total?: integer)

---@class itrigger.PagesOpts : itrigger.CallOpts
---@field method? "GET"|"POST"
---@field max_pages? integer
---@field prefetch? integer pages asked for ahead

---@class itrigger.Result
---@field index integer of the request
---@field tag any the request's
---@field response? itrigger.Envelope|itrigger.Raw
---@field error? itrigger.Error
---@field elapsed number s from start to end

---@class itrigger.Batch
---@overload fun(): itrigger.Result?
---@field next fun(self: itrigger.Batch): itrigger.Result?
---@field close fun(self: itrigger.Batch): { index: integer, tag: any }[]

---@class itrigger.Rows
---@overload fun(): any, itrigger.Envelope
---@field next fun(self: itrigger.Rows): any, itrigger.Envelope
---@field close fun(self: itrigger.Rows)
]]

return function(api)
  lines = {}
  add("---@meta itrigger")
  add("-- Made by tools/docs from docs/api.lua. Do not edit.")
  add("-- luacheck: ignore 212 241 631")
  add("")
  add("---@alias itrigger.Scalar string|number|boolean")
  add("---@alias itrigger.Param itrigger.Scalar|itrigger.Scalar[]")
  add("")
  alias("itrigger.Kind", api.kinds)
  alias("itrigger.Source", api.sources)
  alias("itrigger.State", api.states)
  alias("itrigger.Why", api.whys)
  options(api)
  opts("itrigger.CallOpts", api, false)
  opts("itrigger.TokenOpts", api, true)
  class("itrigger.Error", api.err, own_type)
  class("itrigger.Envelope", api.envelope, own_type)
  add("---What a call with `raw = true` returns.")
  class("itrigger.Raw", api.raw, own_type)
  class("itrigger.Event", api.event, own_type)
  class("itrigger.Stats", api.stats, own_type)
  add("%s", MANY)
  add("---@class itrigger.Client")
  add("local client = {}")
  add("")
  functions(api, "client")
  class("itrigger", api.values, own_type)
  lines[#lines] = "local itrigger = {}"
  add("")
  functions(api, "module")
  add("return itrigger")
  return table.concat(lines, "\n") .. "\n"
end

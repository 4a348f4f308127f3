-- Does docs/api.lua say what the code does? Compares names both ways, wherever the code can be asked.

local problems

local function problem(...)
  problems[#problems + 1] = "docs/api.lua: " .. string.format(...)
end

-- documented: a list of tables with the field name. real: a set of names.
local function same_names(what, documented, real)
  local seen = {}
  for _, item in ipairs(documented) do
    if seen[item.name] then
      problem("%s %s stands there twice", what, item.name)
    elseif not real[item.name] then
      problem("%s %s does not exist", what, item.name)
    end
    seen[item.name] = true
  end
  for name in pairs(real) do
    if not seen[name] then
      problem("%s %s is missing", what, name)
    end
  end
end

local function keys(t)
  local set = {}
  for name in pairs(t) do
    set[name] = true
  end
  return set
end

local function options(api, core)
  local real = {}
  for _, option in ipairs(core.options()) do
    real[option.name] = true
  end
  for _, option in ipairs(api.options) do
    if option.lua then
      real[option.name] = true -- asked of the Lua side, below
    end
  end
  same_names("option", api.options, real)
end

-- The options of the Lua side: each word is taken, nothing else is, and the default is the first.
local function lua_options(api)
  local resolve = require("itrigger.options").resolve
  for _, option in ipairs(api.options) do
    if option.lua then
      for _, word in ipairs(option.lua.words) do
        if not resolve { [option.name] = word } then
          problem("option %s cannot be %q", option.name, word)
        end
      end
      if resolve { [option.name] = "no such word" } then
        problem("option %s takes any word", option.name)
      end
      if resolve({})[option.name] ~= option.lua.default and not os.getenv("ITRIGGER_" .. option.name:upper()) then
        problem("option %s: its default is not %s", option.name, option.lua.default)
      end
    end
  end
end

-- The names in a list of the C source: { "timeout", "raw", NULL }.
local function c_list(root, path, list)
  local file = assert(io.open(root .. "/" .. path))
  local body = file:read("a"):match(list .. "%[%]%s*=%s*{(.-)}")
  file:close()
  local set = {}
  for name in (body or ""):gmatch('"([%w_]+)"') do
    set[name] = true
  end
  return set
end

local function opts(api, root)
  local path = "src/bind/call_opts.c"
  same_names("opt", api.opts, c_list(root, path, "call_names"))
  local of_token = {}
  for _, opt in ipairs(api.opts) do
    if opt.token then
      of_token[#of_token + 1] = opt
    end
  end
  same_names("opt of token", of_token, c_list(root, path, "token_names"))
end

local function events(api, root)
  local states = c_list(root, "src/core/source/cache.c", "itr_cache_state_name.-names")
  local whys = c_list(root, "src/core/source/cache.c", "itr_cache_why_name.-names")
  whys.nothing = nil -- never noted
  same_names("state", api.states, states)
  same_names("why", api.whys, whys)
end

local function functions(api, itrigger, core)
  local module, client = {}, {}
  for name, value in pairs(itrigger) do
    if type(value) == "function" then
      module[name] = true
    end
  end
  for name in pairs(core.methods) do
    client[name] = true
  end
  local documented = { module = {}, client = {} }
  for _, f in ipairs(api.functions) do
    table.insert(documented[f.on], f)
  end
  same_names("itrigger's function", documented.module, module)
  same_names("the client's method", documented.client, client)

  local values = {}
  for name, value in pairs(itrigger) do
    values[name] = type(value) ~= "function" or nil
  end
  same_names("itrigger's value", api.values, values)
end

-- Of the fields that stats and errors have when nothing was ever sent: each is documented, and each that is always
-- there is there.
local function fields_of(what, documented, real)
  local known = {}
  for _, field in ipairs(documented) do
    known[field.name] = true
    if not field.optional and real[field.name] == nil then
      problem("%s: the field %s is not always there", what, field.name)
    end
  end
  for name in pairs(real) do
    if not known[name] then
      problem("%s: the field %s is missing", what, name)
    end
  end
end

local function results(api, itrigger)
  local client = assert(itrigger.new { app_id = "docs", app_secret = "docs", gateway = "http://127.0.0.1:9" })
  fields_of("stats", api.stats, client:stats())
  local _, err = client:get "no path"
  fields_of("err", api.err, err)
  client:close()
end

local function both_languages(api)
  for _, list in ipairs { api.options, api.opts, api.kinds, api.err } do
    for _, item in ipairs(list) do
      if not item.zh then
        problem("%s has no text in Chinese", item.name)
      end
    end
  end
end

return function(api, root)
  problems = {}
  local itrigger, core = require "itrigger", require "itrigger.core"
  options(api, core)
  lua_options(api)
  opts(api, root)
  events(api, root)
  functions(api, itrigger, core)
  same_names("kind", api.kinds, keys(require("itrigger.errors").kinds))
  results(api, itrigger)
  both_languages(api)
  return problems
end

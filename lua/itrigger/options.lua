-- The options of a client: those given, and for the rest those of the environment, which is read
-- once, here, at require. What an option may be, the core knows (core/config); only `null`, `on_call`
-- and `transport` are the Lua side's own.

local check = require "itrigger.check"
local core = require "itrigger.core"
local errors = require "itrigger.errors"

local getenv = os and os.getenv or function() end

local options = {}

-- Two names for one thing: a program that gives one of them sets aside both of the environment.
local SAME_THING = { app_secret = "app_secret_file", app_secret_file = "app_secret" }

-- Return the variable of an option: ITRIGGER_APP_ID of app_id.
function options.variable(name)
  return "ITRIGGER_" .. name:upper()
end

-- ---- checks of the Lua side's own: true | nil, err ----

local function config_error(...)
  return errors.new { kind = "config", retryable = false, message = string.format(...) }
end

-- "a" or "b"; with more: "a", "b", or more.
local function any_of(words, more)
  return '"' .. table.concat(words, more and '", "' or '" or "') .. '"' .. (more and ", or " .. more or "")
end

-- more: what it can be besides these words.
local function check_word(name, value, words, more)
  for _, word in ipairs(words) do
    if value == word then
      return true
    end
  end
  local shown = type(value) == "string" and '"' .. errors.visible(value) .. '"' or "a " .. type(value)
  return nil, config_error("option %s is %s; it can be %s", name, shown, any_of(words, more))
end

local function check_null(value)
  return check_word("null", value, { "nil", "keep" })
end

local function check_on_call(value)
  if value == nil or check.is_callable(value) then
    return true
  end
  return nil, config_error("option on_call must be a function, not a %s", type(value))
end

local TRANSPORTS, OWN = { "auto", "luv", "cqueues", "nginx", "blocking" }, "a table of two functions, send and sleep"

-- A word, or the program's own: two functions, and nothing else.
local function check_transport(value)
  if type(value) ~= "table" then
    return check_word("transport", value, TRANSPORTS, OWN)
  end
  for _, name in ipairs { "send", "sleep" } do
    if type(value[name]) ~= "function" then
      return nil, config_error("option transport: its field %s must be a function, not a %s; it can be %s",
        name, type(value[name]), any_of(TRANSPORTS, OWN))
    end
  end
  for name in pairs(value) do
    if name ~= "send" and name ~= "sleep" then
      return nil, config_error('option transport has an unknown field "%s"; it can be %s',
        errors.visible(tostring(name), true), any_of(TRANSPORTS, OWN))
    end
  end
  return true
end

-- from_program: no variable can hold it.
local LUA_SIDE = {
  null = { check = check_null, standard = "nil" },
  on_call = { check = check_on_call, from_program = true },
  transport = { check = check_transport, standard = "auto" },
}

-- ---- what there is ----

local names, is_known = {}, {}

local function add_name(name)
  names[#names + 1] = name
  is_known[name] = true
end

for _, option in ipairs(core.options()) do
  add_name(option.name)
end
for name in pairs(LUA_SIDE) do
  add_name(name)
end

local environment = {}
for _, name in ipairs(names) do
  local own = LUA_SIDE[name]
  environment[name] = not (own and own.from_program) and getenv(options.variable(name)) or nil
end

-- ---- names ----

local function unknown(name)
  local near = core.nearest(name, names)
  local shown = errors.visible(name)
  if near == nil then
    return config_error('unknown option "%s"', shown)
  end
  return config_error('unknown option "%s": did you mean "%s"?', shown, near)
end

local function check_names(given)
  for name in pairs(given) do
    if type(name) ~= "string" then
      return nil, config_error("options must have names as keys, not a %s", type(name))
    elseif not is_known[name] then
      return nil, unknown(name)
    end
  end
  return true
end

-- ---- merging ----

-- Return the value of an option and where it comes from: nil, or its variable.
local function find(given, name)
  if given[name] ~= nil then
    return given[name]
  end
  local other = SAME_THING[name]
  if environment[name] ~= nil and not (other and given[other] ~= nil) then
    return environment[name], options.variable(name)
  end
end

-- Returns { core = settings for core.new, null = , transport = , on_call = , from = variables by option }
-- | nil, err.
function options.resolve(given)
  local ok, err = check_names(given)
  if not ok then
    return nil, err
  end
  local settings = { core = {}, from = {} }
  for _, name in ipairs(names) do
    local value, variable = find(given, name)
    settings.from[name] = variable
    if not LUA_SIDE[name] then
      settings.core[name] = value
    else
      settings[name] = value == nil and LUA_SIDE[name].standard or value
      ok, err = LUA_SIDE[name].check(settings[name])
      if not ok then
        return nil, options.explain(err, settings.from)
      end
    end
  end
  return settings
end

-- How an option that is missing is given. The command line says it in its own words.
options.remedy = "; give it to new or configure, or set %s"

local HIDDEN = ". nginx hides the environment from its workers: name the variable with nginx's directive: env %s; (with "
  .. "lua_code_cache off every request is a new Lua state, which starts in a worker)"

-- Complete an error about an option: say that the value came from the environment, or how to give an option that is missing.
-- Returns the error.
function options.explain(err, from)
  local name = err.kind == "config" and err.message:match("^option ([%l_]+)")
  if not name then
    return err
  end
  local variable = options.variable(name)
  if from[name] then
    err.message = err.message .. " (from the environment, " .. from[name] .. ")"
  elseif err.message:find("^option [%l_]+ is missing") then
    err.message = err.message .. options.remedy:format(variable) .. (rawget(_G, "ngx") and HIDDEN:format(variable) or "")
  end
  return err
end

return options

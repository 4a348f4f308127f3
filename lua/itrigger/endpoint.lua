-- An endpoint: an entry of endpoints.lua, or one that a program defines, compiled so that the parameters of a call can be
-- checked against it. All faults of a call are in one error. Pure: makes no call.

local core = require "itrigger.core"
local errors = require "itrigger.errors"
local later = require "itrigger.later"

local known, null = later.endpoints, core.null
local concat, floor, ipairs, next, pairs, rawget, tostring, type =
  table.concat, math.floor, ipairs, next, pairs, rawget, tostring, type
local visible = errors.visible

local endpoint = {}

-- ---- types: a function from a value to what it must be, or nil if it is that ----

local EXACT = 2 ^ 53

local math_type = rawget(math, "type") -- Lua 5.3 and later
local is_integer = math_type and function(value)
  return math_type(value) == "integer"
end or function(value)
  return type(value) == "number" and floor(value) == value and value > -EXACT and value < EXACT
end

local function is_float(value)
  return type(value) == "number" and not is_integer(value)
end

local DATES = {
  "^%d%d%d%d%-(%d%d)%-(%d%d)$", "^%d%d%d%d%-(%d%d)%-(%d%d) (%d%d):(%d%d):(%d%d)$", "^%d%d%d%d%-(%d%d)%-(%d%d) (%d%d):(%d%d)$",
}

-- Whether captures of DATES are a day, and a time of day.
local function is_date(month, day, hour, minute, second)
  return month and month >= "01" and month <= "12" and day >= "01" and day <= "31"
    and (hour == nil or hour <= "24" and minute <= "59" and (second == nil or second <= "60"))
end

local types = {}

function types.any() end

function types.text(value)
  return type(value) ~= "string" and not is_integer(value) and "a string" or nil
end

-- Ids are 64-bit: a float has lost digits already.
function types.id(value)
  if is_float(value) then
    return "a string or an integer (a float cannot hold a 64-bit id)"
  end
  return (type(value) ~= "string" and not is_integer(value) or value == "") and "a string or an integer" or nil
end

function types.mobile(value)
  local text = is_integer(value) and ("%.0f"):format(value) or value
  return not (type(text) == "string" and text:find "^%d%d%d%d%d%d%d%d%d%d%d$") and "a mobile number of 11 digits" or nil
end

-- An array of mobile numbers, or one string with commas.
function types.mobiles(value)
  local numbers = value
  if type(value) == "string" then
    numbers = {}
    for one in value:gmatch "[^,%s]+" do
      numbers[#numbers + 1] = one
    end
  end
  if type(numbers) ~= "table" or #numbers == 0 then
    return "an array of mobile numbers, or one string with commas"
  end
  for _, one in ipairs(numbers) do
    if types.mobile(one) then
      return "mobile numbers of 11 digits"
    end
  end
end

function types.number(value)
  local number = type(value) == "number" and value or type(value) == "string" and tonumber(value)
  return not (number and number - number == 0) and "a number" or nil
end

function types.count(value)
  local number = (type(value) == "number" or type(value) == "string" and value:find "^%d+$") and tonumber(value)
  return not (number and number >= 1 and number % 1 == 0) and "an integer from 1 on" or nil
end

-- A day, a time of day, or milliseconds since 1970.
function types.date(value)
  if type(value) == "string" then
    for _, pattern in ipairs(DATES) do
      if is_date(value:match(pattern)) then
        return nil
      end
    end
  elseif is_integer(value) then
    return nil
  end
  return 'a date "2019-05-16" or a time "2019-05-16 14:53:23"'
end

-- Text, or a table that is sent as JSON.
function types.content(value)
  return type(value) ~= "string" and type(value) ~= "table" and "a string or a table" or nil
end

function types.enum(value, param)
  for _, allowed in pairs(param.values) do
    if value == allowed or tostring(value) == tostring(allowed) and not is_float(value) then
      return nil
    end
  end
  local names = {}
  for name, allowed in pairs(param.values) do
    names[#names + 1] = name == allowed and ('"%s"'):format(name) or ("%s (%s)"):format(tostring(allowed), name)
  end
  table.sort(names, function(a, b)
    return (tonumber(a:match "^%d+") or 0) < (tonumber(b:match "^%d+") or 0) or not a:find "^%d" and a < b
  end)
  return "one of " .. concat(names, ", ")
end

-- ---- definitions ----

local PATTERN = "^([%a_][%w_]*)%.([%a_][%w_]*)$"
local FIELDS = {
  name = "string", method = "string", path = "string", en = "string", zh = "string", params = "table", either = "table",
  paged = "boolean", safe = "boolean", once = "boolean", open = "boolean", answer = "any",
}

-- Spellings that programs try, and the vendor's.
local SPELLINGS = { channelRecognizeId = "channelRecoginizeId", channelRecogniseId = "channelRecoginizeId" }

local PARAM_FIELDS = { type = "string", required = "boolean", values = "table", en = "string", zh = "string", example = "any" }

-- The first thing that is wrong with a parameter of an entry, or nil. seen: the names before it.
local function flaw_of_param(param, seen)
  if type(param) ~= "table" or type(param[1]) ~= "string" then
    return "a parameter must be a table { name, type = … }"
  end
  for field, value in pairs(param) do
    local wanted = PARAM_FIELDS[field]
    if field ~= 1 and wanted == nil then
      return ("unknown field %s of the parameter %s"):format(tostring(field), param[1])
    elseif field ~= 1 and wanted ~= "any" and type(value) ~= wanted then
      return ("%s of the parameter %s must be a %s"):format(field, param[1], wanted)
    end
  end
  if types[param.type or "any"] == nil then
    return ("the type of %s must be one of: %s"):format(param[1], endpoint.type_names())
  elseif param.type == "enum" and next(param.values or {}) == nil then
    return ("the enum %s must have values"):format(param[1])
  elseif seen[param[1]] then
    return ("the parameter %s is there twice"):format(param[1])
  end
  seen[param[1]] = true
end

-- The first thing that is wrong with the groups of an entry, or nil.
local function flaw_of_either(either, params)
  for _, group in ipairs(either) do
    if type(group) ~= "table" or #group == 0 then
      return "either must be an array of arrays of names"
    end
    for _, name in ipairs(group) do
      if not params[name] then
        return ("either names %s, which is not in params"):format(tostring(name))
      end
    end
  end
end

-- The first thing that is wrong with an entry, or nil.
local function flaw(entry)
  for field, value in pairs(entry) do
    local wanted = FIELDS[field]
    if wanted == nil then
      return ("unknown field %s"):format(tostring(field))
    elseif wanted ~= "any" and type(value) ~= wanted then
      return ("%s must be a %s"):format(field, wanted)
    end
  end
  if not (entry.name and entry.name:find(PATTERN)) then
    return 'name must be "group.function"'
  elseif entry.method ~= "GET" and entry.method ~= "POST" then
    return 'method must be "GET" or "POST"'
  elseif not (entry.path and entry.path:find "^/") then
    return 'path must begin with "/"'
  end
  local params, seen = entry.params or {}, {}
  if #params == 0 and next(params) ~= nil then
    return "params must be an array of { name, type = … }"
  end
  for _, param in ipairs(params) do
    local wrong = flaw_of_param(param, seen)
    if wrong then
      return wrong
    end
  end
  return flaw_of_either(entry.either or {}, seen)
end

function endpoint.type_names()
  local names = {}
  for name in pairs(types) do
    names[#names + 1] = name
  end
  table.sort(names)
  return concat(names, ", ")
end

-- Make an endpoint of an entry: what is checked at each call, found by name. Returns endpoint | nil, what is wrong.
function endpoint.compile(entry)
  local wrong = type(entry) ~= "table" and "a definition must be a table" or flaw(entry)
  if wrong then
    return nil, wrong
  end
  local made = {
    entry = entry,
    name = entry.name,
    method = entry.method,
    path = entry.path,
    is_post = entry.method == "POST",
    open = entry.open,
    once = entry.once,
    defaults = entry.safe and { idempotent = true } or nil,
    either = entry.either,
    params = {},
    names = {},
    required = {},
  }
  for _, param in ipairs(entry.params or {}) do
    made.params[param[1]] = { name = param[1], check = types[param.type or "any"], values = param.values }
    made.names[#made.names + 1] = param[1]
    if param.required then
      made.required[#made.required + 1] = param[1]
    end
  end
  made.group, made.short = entry.name:match(PATTERN)
  return made
end

-- ---- what is wrong with a call ----

local function is_absent(value)
  return value == nil or value == null or value == ""
end

local function shown(value)
  if type(value) == "string" then
    return '"' .. visible(value, true) .. '"'
  end
  return type(value) == "table" and "a table" or tostring(value)
end

local function unknown(e, name)
  local text = visible(tostring(name), true)
  if SPELLINGS[name] and e.params[SPELLINGS[name]] then
    return ('unknown parameter "%s": the vendor spells it "%s"'):format(text, SPELLINGS[name])
  end
  local near = type(name) == "string" and core.nearest(name, e.names)
  return ('unknown parameter "%s"%s'):format(text, near and (': did you mean "%s"?'):format(near) or "")
end

-- Which of the groups is complete; else what would complete one.
local function lacking_group(e, params)
  local texts = {}
  for _, group in ipairs(e.either) do
    local complete = true
    for _, name in ipairs(group) do
      complete = complete and not is_absent(rawget(params, name))
    end
    if complete then
      return nil
    end
    texts[#texts + 1] = concat(group, " and ")
  end
  return "missing: " .. concat(texts, ", or ")
end

local NONE = {}

-- The faults of the parameters of a call as they will be sent (no metamethod counts), or nil.
local function faults_of(e, params, given)
  local faults
  for name, value in next, params do
    local param = e.params[name]
    if param then
      local wanted = value ~= null and param.check(value, param)
      if wanted then
        faults = faults or {}
        faults[#faults + 1] = ("%s must be %s, not %s"):format(name, wanted, shown(value))
      end
    elseif not e.open then
      faults = faults or {}
      faults[#faults + 1] = unknown(e, name)
    end
  end
  if faults then
    table.sort(faults)
  end
  local missing
  for _, name in ipairs(e.required) do
    if is_absent(rawget(params, name)) and not (given and given[name]) then
      missing = missing or {}
      missing[#missing + 1] = name
    end
  end
  local group = e.either and lacking_group(e, params)
  if missing or group then
    faults = faults or {}
    faults[#faults + 1] = missing and "missing: " .. concat(missing, ", ") or nil
    faults[#faults + 1] = group
  end
  return faults
end

-- Check a call. Returns nil, or an error of kind "usage" that names every fault. opts.check = false lets all parameters
-- through, and no repeat that must not be. given: parameters that the library itself will add (a paged list's), by name.
function endpoint.check(e, params, opts, given)
  local faults
  if opts == nil or opts.check ~= false then
    faults = faults_of(e, params or NONE, given)
  end
  if e.once and opts and opts.idempotent then
    faults = faults or {}
    faults[#faults + 1] = "it must not be retried: leave opts.idempotent out"
  end
  return faults and errors.new {
    kind = "usage", retryable = false, method = e.method, path = e.path,
    message = e.name .. ": " .. concat(faults, "; "),
  } or nil
end

-- The options of the call itself: without `check`, and for a safe endpoint with `idempotent`.
function endpoint.opts(e, opts)
  if opts == nil then
    return e.defaults
  elseif opts.check == nil and (e.defaults == nil or opts.idempotent ~= nil) then
    return opts
  end
  local copy = { idempotent = e.defaults and true or nil }
  for name, value in pairs(opts) do
    copy[name] = value
  end
  copy.check = nil
  return copy
end

-- ---- the documented ones ----

-- By name, and the names in the order of the documentation.
endpoint.documented, endpoint.names = {}, {}
for i, entry in ipairs(known.list) do
  endpoint.names[i] = entry.name
  endpoint.documented[entry.name] = assert(endpoint.compile(entry))
end

-- The endpoint of a dotted name; or nil and the nearest known name. For the command line and for tests.
function endpoint.find(name)
  local e = endpoint.documented[name]
  if e then
    return e
  end
  return nil, core.nearest(name, endpoint.names)
end

return endpoint

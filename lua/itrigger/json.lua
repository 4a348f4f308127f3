-- JSON as the library speaks it: no integer changes its value, in neither direction.

local core = require "itrigger.core"
require "itrigger.errors" -- gives the errors of core their metatable

local json = {
  null = core.null,
}

local function wrong_type(name, argument, wanted, value)
  local message = "bad argument '%s' to %s (%s expected, got %s)"
  error(message:format(argument, name, wanted, value == nil and "nil" or type(value)), 3)
end

-- Marks a table as an array, so that it is encoded as [] also when it is empty. Returns it.
function json.array(t)
  if t == nil then
    t = {}
  elseif type(t) ~= "table" then
    wrong_type("itrigger.array", "t", "table or nil", t)
  end
  local present = getmetatable(t)
  if present ~= nil and present ~= core.array_metatable then
    error("itrigger.array: the table has a metatable already", 2)
  end
  return setmetatable(t, core.array_metatable)
end

-- Returns text | nil, err of kind "usage".
function json.encode(value)
  return core.json_encode(value)
end

-- null: what becomes of null members: "nil" (left out, the default) or "keep" (json.null).
-- Returns value | nil, err of kind "decode".
function json.decode(text, null)
  if type(text) ~= "string" then
    wrong_type("json.decode", "text", "string", text)
  end
  if null ~= nil and null ~= "nil" and null ~= "keep" then
    error("json.decode: null can be \"nil\" or \"keep\"", 2)
  end
  return core.json_decode(text, null == "keep")
end

return json

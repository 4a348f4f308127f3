-- Checks what a control call was given: a typing error in a spec must not pass for a setting.
local json = require "json"

local fields = {}

-- `wanted`: a type name, "any", or a set of the values that are allowed.
local function fits(value, wanted)
  if type(wanted) == "table" then
    return wanted[value] ~= nil
  end
  return wanted == "any" or type(value) == wanted
end

local function names(set)
  local list = {}
  for name in pairs(set) do
    list[#list + 1] = name
  end
  table.sort(list)
  return table.concat(list, ", ")
end

local function expectation(wanted)
  return type(wanted) == "table" and "one of " .. names(wanted) or "a " .. wanted
end

-- `known`: name → type name, "any", or a set. A JSON null counts as given, and resets the field.
-- Returns the complaint, or nil.
function fields.complaint(given, known)
  for name, value in pairs(given) do
    if known[name] == nil then
      return ("unknown field %s; there are: %s"):format(name, names(known))
    elseif value ~= json.null and not fits(value, known[name]) then
      return ("%s must be %s"):format(name, expectation(known[name]))
    end
  end
end

-- The value without JSON's null.
function fields.value(value)
  if value == json.null then
    return nil
  end
  return value
end

return fields

-- JSON as the library speaks it: no integer changes its value, in neither direction.

local check = require "itrigger.check"
local core = require "itrigger.core"
require "itrigger.errors" -- gives the errors of core their metatable

local json = {
  null = core.null,
}

-- Mark a table as an array, so that it is encoded as [] also when it is empty. Returns it.
function json.array(t)
  if t == nil then
    t = {}
  end
  check.table_or_nil("array", "t", t)
  local present = getmetatable(t)
  if present ~= nil and present ~= core.array_metatable then
    check.fail("array: the table has a metatable already")
  end
  return setmetatable(t, core.array_metatable)
end

-- Write a value as JSON. Returns text | nil, err of kind "usage".
function json.encode(value)
  return core.json_encode(value)
end

-- Read JSON. opts.null: what becomes of null members: "nil" (left out, the default) or "keep"
-- (json.null). Returns value | nil, err of kind "decode".
function json.decode(text, opts)
  check.type("decode", "text", "string", text)
  check.table_or_nil("decode", "opts", opts)
  local null = opts and opts.null
  if null ~= nil and null ~= "nil" and null ~= "keep" then
    check.fail("decode: opts.null can be \"nil\" or \"keep\"")
  end
  return core.json_decode(text, null == "keep")
end

return json

-- Prometheus' text format, read strictly:
--
--   local samples, types = exposition.read(text)   -- samples['name{label="value"}'], types.family
--
-- An error where a line is not of the format, or a family is not announced or not in one piece.
local assert = require "luassert"

local exposition = {}

function exposition.read(text)
  local samples, types, family = {}, {}, nil
  assert.equal("\n", text:sub(-1))
  for line in text:gmatch("([^\n]*)\n") do
    local name, kind = line:match("^# TYPE (itrigger_[%l_]+) (%l+)$")
    if name then
      assert.is_nil(types[name], name)
      types[name], family = kind, name
    elseif not line:match("^# HELP itrigger_[%l_]+ .+%.$") then
      local sample, labels, value = line:match("^(itrigger_[%l_]+)(%b{}) (%-?[%d.]+)$")
      if not sample then
        sample, value = line:match("^(itrigger_[%l_]+) (%-?[%d.]+)$")
        labels = ""
      end
      assert.is_truthy(sample, line)
      assert.equal(1, (sample:find(family, 1, true)))
      assert.is_nil(samples[sample .. labels], line)
      samples[sample .. labels] = tonumber(value)
    end
  end
  return samples, types
end

return exposition

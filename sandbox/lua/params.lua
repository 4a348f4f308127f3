-- The business parameters of a call: from the query (GET) or the body (POST), checked as the
-- documentation says.
local json = require "json"
local request = require "request"
local response = require "response"

local params = {}

local function is_empty(value)
  return value == nil or value == json.null or value == ""
end

-- GET: what follows the token in the query. POST: only the body counts.
-- Returns the parameters, or nil and the answer.
function params.of(self)
  if self.method == "GET" then
    return request.params(self)
  elseif not request.is_json(self) then
    return nil, response.fail(500, "Content type not supported", 415)
  end
  local object = request.object(self)
  if not object then
    return nil, response.fail(61451, "参数错误: JSON parse error")
  end
  return object
end

local function missing(values, name)
  if type(name) == "string" then
    return is_empty(values[name]) and name
  end
  -- Alternatives: one of the groups must be complete.
  local first
  for _, group in ipairs(name) do
    local lacks = params.first_missing(values, group)
    if not lacks then
      return nil
    end
    first = first or lacks
  end
  return first
end

-- The first required name that is absent, null or empty. A member of `required` that is a list holds
-- groups of names of which one is enough.
function params.first_missing(values, required)
  for _, name in ipairs(required) do
    local lacks = missing(values, name)
    if lacks then
      return lacks
    end
  end
end

local function is_text(value)
  return type(value) == "string" or type(value) == "number"
end

-- As text; a JSON number becomes its digits.
function params.text(value)
  if type(value) == "number" then
    return string.format("%.14g", value)
  end
  return value
end

local function is_digits(value)
  return is_text(value) and params.text(value):find("^%d+$") ~= nil
end

local function is_count(value)
  local number = is_digits(value) and tonumber(value)
  return number ~= nil and number ~= false and number >= 1 and number <= 100000
end

local function is_number(value)
  return is_text(value) and tonumber(value) ~= nil
end

local channels = {}
for _, channel in ipairs { 2, 3, 4, 5, 7, 10, 11, 14, 15, 16, 17, 18 } do
  channels[tostring(channel)] = true
end

-- name → what its value must be, wherever a parameter of this name appears.
local checks = {
  mobile = function(value) return is_digits(value) and #params.text(value) == 11 end,
  phone = function(value) return is_digits(value) and #params.text(value) == 11 end,
  storeNo = is_digits,
  channel = function(value) return is_text(value) and channels[params.text(value)] == true end,
  pageNum = is_count,
  pageSize = function(value) return is_count(value) and tonumber(value) <= 500 end,
  changePoint = is_number,
  changeGrowth = is_number,
  operation = function(value) return value == "add" or value == "sub" end,
  phones = function(value) return is_text(value) or type(value) == "table" end,
}

local texts = {
  "platformCode", "platformTradeCode", "platformRefundCode", "code", "personId", "couponId", "channelId",
  "channelType", "channelRecoginizeId",
}
for _, name in ipairs(texts) do
  checks[name] = is_text
end

-- The first name whose value is bad, or nil.
function params.first_bad(values)
  for name, check in pairs(checks) do
    if not is_empty(values[name]) and not check(values[name]) then
      return name
    end
  end
end

-- Makes text of what must be text, so that `1` and `"1"` are the same.
function params.normalize(values)
  for name in pairs(checks) do
    if type(values[name]) == "number" then
      values[name] = params.text(values[name])
    end
  end
  return values
end

return params

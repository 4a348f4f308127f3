-- luacheck: std ngx_lua
-- Answers that a spec has laid down for a path, byte by byte. The token is not looked at for them.
local response = require "response"

local answers = {}

local list = {}

function answers.reset()
  list = {}
end

-- From the fields of `POST answer` to what `response` sends.
function answers.from_fields(fields)
  local body = fields.body_base64 and ngx.decode_base64(fields.body_base64) or fields.body or ""
  local answer = response.new(fields.status or 200, body)
  if fields["repeat"] then
    answer.body = { head = fields.head or "", unit = body, times = fields["repeat"], tail = fields.tail or "" }
  end
  for name, value in pairs(fields.headers or {}) do
    answer.headers[name] = value
  end
  return answer
end

function answers.add(fields)
  local rule = answers.from_fields(fields)
  rule.path, rule.method, rule.times = fields.path, fields.method, fields.times or math.huge
  list[#list + 1] = rule
end

-- A path that ends in `*` stands for all that begin so.
local function matches(rule, self)
  if rule.method and rule.method ~= self.method then
    return false
  end
  local prefix = rule.path:match("^(.*)%*$")
  if prefix then
    return self.path:sub(1, #prefix) == prefix
  end
  return rule.path == self.path
end

-- A copy, because whoever sends it may change it.
local function copy(rule)
  local answer = { status = rule.status, body = rule.body, headers = {} }
  for name, value in pairs(rule.headers) do
    answer.headers[name] = value
  end
  return answer
end

-- The answer for this request, the latest rule first, or nil.
function answers.pick(self)
  for i = #list, 1, -1 do
    local rule = list[i]
    if matches(rule, self) then
      rule.times = rule.times - 1
      if rule.times <= 0 then
        table.remove(list, i)
      end
      return copy(rule)
    end
  end
end

function answers.pending()
  return #list
end

return answers

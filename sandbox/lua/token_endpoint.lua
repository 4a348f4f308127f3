-- The two token paths.
local apps = require "apps"
local journal = require "journal"
local request = require "request"
local response = require "response"
local tokens = require "tokens"

local token_endpoint = {}

local prefix = "/itrigger-tenant/v1/basic/accessTokenOpen/token"

-- path → the option that says which kind of gateway it plays.
local paths = { [prefix] = "kind", [prefix .. "/refresh"] = "refresh_kind" }

token_endpoint.prefix = prefix

function token_endpoint.owns(path)
  return paths[path] ~= nil
end

local function empty(text)
  return text == nil or text == true or text == ""
end

-- The app, or nil and the answer that says no.
local function admit(params)
  if empty(params.appId) or empty(params.appSecret) then
    return nil, response.fail(40001, "appId或appSecret为空")
  end
  local app = apps.authenticate(params.appId, params.appSecret)
  if not app then
    return nil, response.fail(40002, "appId或appSecret格式错误")
  elseif app.frozen then
    return nil, response.fail(40003, "应用已被冻结")
  end
  local limit = tokens.options().daily_limit
  if limit and apps.fetches_today(app) >= limit then
    return nil, response.fail(40004, "租户调用次数超过限制")
  end
  return app
end

-- An answer that a spec has put in the queue: a text, or a table as `POST answer` takes it.
local function queued_answer()
  local answer = table.remove(tokens.options().next_answers, 1)
  if type(answer) == "string" then
    return response.new(200, answer)
  end
  return answer
end

function token_endpoint.answer(self)
  if self.method ~= "GET" then
    return response.fail(500, "Request method '" .. self.method .. "' not supported", 405)
  end
  local queued = queued_answer()
  if queued then
    return queued
  end
  local app, refused = admit(request.params(self))
  if not app then
    return refused
  end
  apps.count_fetch(app)
  journal.count_granted()
  local token = tokens.issue(app.id, tokens.options()[paths[self.path]])
  return response.ok { accessToken = token.text }
end

return token_endpoint

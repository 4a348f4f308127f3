-- luacheck: std ngx_lua
-- The way of a request: journal, fault, answer. All of the state lives in the modules required here,
-- in the one worker that there is.
local answers = require "answers"
local apps = require "apps"
local control = require "control"
local effects = require "effects"
local endpoints = require "endpoints"
local faults = require "faults"
local journal = require "journal"
local refusal = require "refusal"
local request = require "request"
local response = require "response"
local token_endpoint = require "token_endpoint"
local tokens = require "tokens"

local gateway = {}

-- Only below these does the gateway know anything, be it that the path was not applied for.
local prefixes = { "/itrigger-bff/", "/itrigger-tenant/" }

local function is_api(path)
  for _, prefix in ipairs(prefixes) do
    if path:sub(1, #prefix) == prefix then
      return true
    end
  end
  return false
end

-- Token first, then permission, then the call itself.
local function call(self)
  local app_id, why = tokens.check(request.params(self).accessToken)
  if not app_id then
    self.refused = why
    journal.count_refused(why)
    return refusal.token(why)
  end
  local endpoint = endpoints.find(self.path)
  if not endpoint or not apps.may_call(apps.get(app_id), self.path) then
    journal.count_denied()
    return refusal.permission()
  end
  return endpoints.run(endpoint, self)
end

local function answer(self)
  local laid_down = answers.pick(self)
  if laid_down then
    return laid_down
  elseif token_endpoint.owns(self.path) then
    return token_endpoint.answer(self)
  elseif is_api(self.path) then
    return call(self)
  end
  return response.html(404, "404 Not Found")
end

local function note(self)
  journal.add(self)
  if token_endpoint.owns(self.path) then
    journal.count_fetch(self.path)
  end
end

local function serve(self)
  self.fault = faults.pick(self)
  if effects.strikes_at_arrival(self.fault) then
    note(self)
    return effects.arrive(self.fault)
  end
  request.read_body(self)
  note(self)
  local result = effects.instead(self.fault) or answer(self)
  self.status = result.status
  return effects.send(self.fault, result)
end

function gateway.handle()
  local self = request.head()
  if control.owns(self.path) then
    request.read_body(self)
    return response.send(control.answer(self))
  end
  serve(self)
  journal.shorten(self)
end

return gateway

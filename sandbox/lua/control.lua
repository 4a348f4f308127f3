-- luacheck: std ngx_lua
-- The control API under /_sandbox/. JSON in, JSON out; a mistake is HTTP 400 with {"error": …}.
local answers = require "answers"
local apps = require "apps"
local effects = require "effects"
local endpoints = require "endpoints"
local faults = require "faults"
local fields = require "fields"
local journal = require "journal"
local json = require "json"
local refusal = require "refusal"
local request = require "request"
local response = require "response"
local settings = require "settings"
local tokens = require "tokens"
local waits = require "waits"

local control = {}

local prefix = "/_sandbox/"

-- "METHOD name" → { known fields, run(given) → what the answer holds, or nil and a complaint }
local calls = {}

local answer_fields = {
  status = "number",
  headers = "table",
  body = "string",
  body_base64 = "string",
  head = "string",
  tail = "string",
  ["repeat"] = "number",
}

local function with(base, more)
  local all = {}
  for name, wanted in pairs(base) do
    all[name] = wanted
  end
  for name, wanted in pairs(more or {}) do
    all[name] = wanted
  end
  return all
end

local function apps_state()
  local out = json.array {}
  for id, app in apps.each() do
    out[#out + 1] = {
      id = id,
      frozen = app.frozen,
      denied = json.array(app.denied),
      fetches_today = apps.fetches_today(app),
    }
  end
  return out
end

calls["GET state"] = { {}, function()
  return with(journal.counters(), {
    held = waits.held(),
    gone = waits.gone(),
    faults_pending = #faults.pending(),
    answers_pending = answers.pending(),
    tokens = json.array(tokens.live()),
    issued_ms = tokens.issued(),
    token = tokens.options(),
    settings = settings.all(),
    apps = apps_state(),
  })
end }

calls["GET requests"] = { {}, function()
  return { requests = json.array(journal.requests()) }
end }

local function clear()
  answers.reset()
  faults.clear()
  return { released = waits.release() }
end

calls["POST clear"] = { {}, clear }

calls["POST reset"] = { {}, function()
  for _, part in ipairs { settings, apps, tokens, faults, journal, endpoints, waits } do
    part.reset()
  end
  return clear()
end }

local token_fields = {
  kind = tokens.kinds,
  refresh_kind = tokens.kinds,
  life_ms = "number",
  young_ms = "number",
  daily_limit = "number",
  refused_as = refusal.token_ways,
  refused_code = "number",
  refused_message = "string",
  next_tokens = "table",
  next_answers = "table",
  grant = "table",
  expire = "any",
  revoke = "any",
  new_day = "boolean",
}

-- next_answers: a text, or a table with the fields of `answer`. Returns the list, or nil and a complaint.
local function queue(list)
  local out = json.array {}
  for i, item in ipairs(list) do
    if type(item) == "table" then
      local complaint = fields.complaint(item, answer_fields)
      if complaint then
        return nil, complaint
      end
      item = answers.from_fields(item)
    end
    out[i] = item
  end
  return out
end

-- What is done once; all else is an option that stays.
local token_acts = {
  grant = function(texts)
    for _, text in ipairs(texts) do
      tokens.grant("sandbox-app", text)
    end
  end,
  expire = function(which) tokens.finish(which, "expired") end,
  revoke = function(which) tokens.finish(which, "revoked") end,
  new_day = apps.new_day,
}

-- `overlap` and `same` are kinds of a gateway, so the other path follows if it is not named.
local function follow_kind(given)
  if given.kind and not given.refresh_kind then
    given.refresh_kind = given.kind == "overwrite" and "overlap" or given.kind
  end
end

calls["POST token"] = { token_fields, function(given)
  if given.next_answers then
    local list, complaint = queue(given.next_answers)
    if not list then
      return nil, complaint
    end
    given.next_answers = list
  end
  follow_kind(given)
  for name, value in pairs(given) do
    if not token_acts[name] then
      tokens.options()[name] = fields.value(value)
    end
  end
  for name, act in pairs(token_acts) do
    if given[name] then
      act(given[name])
    end
  end
  return { tokens = json.array(tokens.live()) }
end }

local app_fields = { id = "string", secret = "string", frozen = "boolean", denied = "table" }

calls["POST app"] = { app_fields, function(given)
  given.id = given.id or "sandbox-app"
  apps.put(given)
  return {}
end }

local setting_fields = {
  echo = "boolean",
  code_as_string = "boolean",
  denied_as = refusal.permission_ways,
  denied_code = "number",
  denied_message = "string",
}

calls["POST settings"] = { setting_fields, function(given)
  for name, value in pairs(given) do
    settings.set(name, value)
  end
  return settings.all()
end }

local fault_fields = {
  kind = effects.kinds,
  path = "string",
  method = "string",
  kept = "boolean",
  times = "number",
  share = "number",
  skip = "number",
}

calls["POST fault"] = { nil, function(given)
  local kind = effects.kinds[given.kind]
  local complaint = fields.complaint(given, with(fault_fields, kind and kind.fields))
  if complaint or not kind then
    return nil, complaint or "kind is missing"
  end
  faults.add(given)
  return { faults_pending = #faults.pending() }
end }

calls["POST answer"] = { with(answer_fields, { path = "string", method = "string", times = "number" }), function(given)
  if not given.path then
    return nil, "path is missing"
  end
  answers.add(given)
  return { answers_pending = answers.pending() }
end }

calls["POST release"] = { { count = "number" }, function(given)
  return { released = waits.release(given.count) }
end }

-- What can be waited for, each a number to be reached.
local awaited = {
  held = waits.held,
  gone = waits.gone,
  requests = function() return journal.counters().requests end,
}

local wait_fields = { held = "number", gone = "number", requests = "number", timeout_ms = "number" }

calls["POST wait"] = { wait_fields, function(given)
  local function is_so()
    for name, count in pairs(awaited) do
      if given[name] and count() < given[name] then
        return false
      end
    end
    return true
  end
  return { reached = waits.until_so(is_so, given.timeout_ms or 10000), held = waits.held() }
end }

-- The call's object: of a GET there is none, an empty body is an empty one.
local function given_by(self)
  if self.method == "GET" or self.body == "" then
    return {}
  end
  return request.object(self)
end

local function run(call, given)
  local complaint = call[1] and fields.complaint(given, call[1])
  if complaint then
    return nil, complaint
  end
  return call[2](given)
end

local function mistake(text, status)
  return response.new(status or 400, json.encode { error = text })
end

function control.owns(path)
  return path:sub(1, #prefix) == prefix
end

function control.answer(self)
  local call = calls[self.method .. " " .. self.path:sub(#prefix + 1)]
  if not call then
    return mistake("no such control call: " .. self.method .. " " .. self.path, 404)
  end
  local given = given_by(self)
  if not given then
    return mistake("the body must be one JSON object")
  end
  local result, complaint = run(call, given)
  if not result then
    return mistake(complaint)
  end
  return response.new(200, json.encode(result))
end

return control

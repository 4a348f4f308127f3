-- luacheck: std ngx_lua
-- Who may call: id, secret, frozen or not, which paths were not applied for, fetches of today.
local apps = {}

local known

function apps.reset()
  known = {}
  apps.put { id = "sandbox-app", secret = "sandbox-secret" }
end

-- Makes an app or changes one; what `fields` does not name stays.
function apps.put(fields)
  local app = known[fields.id] or { frozen = false, denied = {}, fetches = 0 }
  for name, value in pairs(fields) do
    app[name] = value
  end
  known[app.id] = app
end

function apps.get(id)
  return known[id]
end

function apps.authenticate(id, secret)
  local app = known[id]
  return app and app.secret == secret and app or nil
end

-- The limit is per day; `day` is nginx's idea of today.
local function start_day(app)
  if app.day ~= ngx.today() then
    app.day, app.fetches = ngx.today(), 0
  end
end

function apps.fetches_today(app)
  start_day(app)
  return app.fetches
end

function apps.count_fetch(app)
  start_day(app)
  app.fetches = app.fetches + 1
end

function apps.new_day()
  for _, app in pairs(known) do
    app.fetches = 0
  end
end

function apps.may_call(app, path)
  for _, prefix in ipairs(app.denied) do
    if path:sub(1, #prefix) == prefix then
      return false
    end
  end
  return true
end

function apps.each()
  return pairs(known)
end

apps.reset()

return apps

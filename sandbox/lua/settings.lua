-- How the gateway as a whole behaves, beside what `tokens` and `apps` have of their own.
local settings = {}

local defaults = {
  echo = false, -- the test endpoints echo without being asked by a header
  code_as_string = false, -- "code":"200"
  denied_as = "code403", -- how a missing permission is told: code403, http403, code, message
  denied_code = 500, -- for "code" and "message"
  denied_message = "无权限访问该接口",
}

local values

function settings.reset()
  values = {}
  for name, value in pairs(defaults) do
    values[name] = value
  end
end

function settings.get(name)
  return values[name]
end

function settings.set(name, value)
  values[name] = value
end

function settings.all()
  return values
end

settings.reset()

return settings

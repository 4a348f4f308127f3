-- How a refused token and a missing permission are told. The vendor documents neither.
local response = require "response"
local settings = require "settings"
local tokens = require "tokens"

local refusal = {}

local messages = {
  missing = "accessToken不存在",
  unknown = "accessToken无效",
  overwritten = "accessToken已失效",
  revoked = "accessToken已失效",
  expired = "accessToken已过期",
}

-- as → how: the HTTP status and the code; without a code, the one that was set.
local token_ways = {
  http401 = { status = 401, code = 401 },
  code401 = { status = 200, code = 401 },
  code = { status = 200, message = "请求失败" },
  message = { status = 200 },
}

local permission_ways = {
  http403 = { status = 403, code = 403 },
  code403 = { status = 200, code = 403 },
  code = { status = 200 },
  message = { status = 200 },
}

refusal.token_ways = token_ways
refusal.permission_ways = permission_ways

function refusal.token(why)
  local options = tokens.options()
  local way = token_ways[options.refused_as]
  local message = options.refused_message or way.message or messages[why]
  return response.fail(way.code or options.refused_code or 500, message, way.status)
end

function refusal.permission()
  local way = permission_ways[settings.get("denied_as")]
  local code = way.code or settings.get("denied_code")
  return response.fail(code, settings.get("denied_message"), way.status)
end

return refusal

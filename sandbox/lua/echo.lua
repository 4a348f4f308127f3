-- The test endpoints: "ok", or on request what arrived.
local request = require "request"
local response = require "response"
local settings = require "settings"

local echo = {}

local max_body = 128 * 1024 * 1024

function echo.is_wanted(self)
  return settings.get("echo") or self.headers["x-sandbox-echo"] ~= nil
end

-- Everything as it came, whatever the body is.
function echo.tell(self)
  return response.ok(request.describe(self, max_body))
end

function echo.ok()
  return response.ok("ok")
end

return echo

-- The trace printed "0,2ms" where the program's locale has a decimal comma.
local decimal_comma = require "spec.support.decimal_comma"
local face = require "spec.support.face"
local sandbox = require "spec.support.sandbox"

it("writes the time with a point whatever the locale says", function()
  local lacks = decimal_comma.lacks()
  if lacks then
    pending(lacks)
  end
  local sb = sandbox.shared()
  sb:reset()
  local options = face.options(sb)
  local said = decimal_comma.run([[
    assert(os.setlocale("de_DE.UTF-8", "numeric"))
    assert(require("itrigger").get("]] .. face.echo_get .. [["))
    print(("%.1f"):format(0.5))
  ]], {
    ITRIGGER_TRACE = "1",
    ITRIGGER_GATEWAY = options.gateway,
    ITRIGGER_APP_ID = options.app_id,
    ITRIGGER_APP_SECRET = options.app_secret,
  })
  assert.truthy(said:find(decimal_comma.half, 1, true), said)
  assert.truthy(said:find("code=%-?%d* %d+%.%dms ok\n"), said)
end)

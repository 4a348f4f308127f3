-- What most specs begin with, in a describe:
--
--   local sb = fixture.sandbox()                            -- reset before each spec
--   local client
--   local sb = fixture.client(function(c) client = c end)   -- and a new client for each, closed after it

local busted = require "busted"
local face = require "spec.support.face"
local sandbox = require "spec.support.sandbox"

local fixture = {}

-- Return the shared sandbox; it is reset before each spec of the describe.
function fixture.sandbox()
  local sb = sandbox.shared()
  busted.before_each(function()
    sb:reset()
  end)
  return sb
end

-- The same; `use` gets a new client, of an app of its own and with `more` options, before each spec.
function fixture.client(use, more)
  local sb = fixture.sandbox()
  local client
  busted.before_each(function()
    client = face.client(sb, more)
    use(client)
  end)
  busted.after_each(function()
    client:close()
  end)
  return sb
end

return fixture

-- The store "file:": processes of one user share one token.
local client = require "itrigger.client"
local face = require "spec.support.face"
local fixture = require "spec.support.fixture"

local PROGRAM = [[
local client = assert(require("itrigger.client").new {})
local token, _, source = assert(client:token())
io.write(token, " ", source)
]]

describe("token_store file:", function()
  local sb = fixture.sandbox()
  local dir, environment

  before_each(function()
    dir = os.tmpname()
    os.remove(dir)
    local id, secret = face.app(sb)
    environment = { ITRIGGER_GATEWAY = sb.gateway, ITRIGGER_APP_ID = id, ITRIGGER_APP_SECRET = secret,
      ITRIGGER_TOKEN_STORE = "file:" .. dir }
  end)

  after_each(function()
    os.execute("rm -rf '" .. dir .. "'")
  end)

  it("gives the token of one process to the next", function()
    local first, origin = face.run(PROGRAM, environment):match("^(%S+) (%S+)$")
    local second, source = face.run(PROGRAM, environment):match("^(%S+) (%S+)$")
    assert.is_string(first)
    assert.equal(first, second)
    assert.equal("gateway", origin)
    assert.equal("file", source)
    assert.equal(1, sb:state().fetches)
  end)

  it("keeps apart what lies in two directories", function()
    local first = face.run(PROGRAM, environment)
    local other = os.tmpname()
    os.remove(other)
    environment.ITRIGGER_TOKEN_STORE = "file:" .. other
    local second = face.run(PROGRAM, environment)
    os.execute("rm -rf '" .. other .. "'")
    assert.not_equal(first, second)
    assert.equal(2, sb:state().fetches)
  end)

  it("is one error that names the directory and the option where it cannot be used", function()
    local made, err = client.new { gateway = sb.gateway, app_id = "a", app_secret = "s-e-c-r-e-t",
      token_store = "file:/proc/itrigger" }
    assert.is_nil(made)
    assert.equal("store", err.kind)
    assert.truthy(err.message:find("/proc/itrigger", 1, true), err.message)
    assert.truthy(err.message:find("token_store", 1, true), err.message)
    assert.equal(0, sb:state().requests)
  end)
end)

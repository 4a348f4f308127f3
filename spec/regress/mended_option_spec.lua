-- A client with a wrong ca_file, or any other wrong option of fetching, made every later client of
-- its app fetch with that, until the process ended.

local face = require "spec.support.face"
local itrigger = require "itrigger"
local sandbox = require "spec.support.sandbox"

describe("a mended option", function()
  local sb

  setup(function()
    sb = sandbox.shared()
  end)

  before_each(function()
    sb:reset()
  end)

  local function broken(options)
    local copy = {}
    for name, value in pairs(options) do
      copy[name] = value
    end
    copy.ca_file = nil
    copy.gateway = sb.https
    return copy
  end

  it("of configure holds at the next call", function()
    local options = face.options(sb, { gateway = sb.https, ca_file = sb.ca_file })
    assert(itrigger.configure(broken(options)))
    local res, err = itrigger.get(face.echo_get)
    assert.is_nil(res)
    assert.equal("tls", err.kind)

    assert(itrigger.configure(options))
    assert.equal(200, assert(itrigger.get(face.echo_get)).code)
  end)

  it("of a client holds while the earlier client lives", function()
    local options = face.options(sb, { gateway = sb.https, ca_file = sb.ca_file })
    local earlier = assert(itrigger.new(broken(options)))
    local _, err = earlier:token()
    assert.equal("tls", err.kind)

    local client = assert(itrigger.new(options))
    assert.equal(200, assert(client:get(face.echo_get)).code)
    client:close()
    earlier:close()
  end)

  it("shares the token with clients of other options", function()
    local options = face.options(sb)
    local one = assert(itrigger.new(options))
    options.connect_timeout = 4
    local other = assert(itrigger.new(options))
    assert.equal(assert(one:token()), assert(other:token()))
    assert.equal(1, sb:state().fetches)
    one:close()
    other:close()
  end)
end)

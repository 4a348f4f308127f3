-- A client with a wrong proxy, ca_file or any other wrong option of fetching made every later client of
-- its app fetch with that, until the process ended.

local face = require "spec.support.face"
local fixture = require "spec.support.fixture"
local itrigger = require "itrigger"
local redis = require "spec.support.redis"

describe("a mended option", function()
  local sb = fixture.sandbox()

  local function broken(options)
    local copy = {}
    for name, value in pairs(options) do
      copy[name] = value
    end
    copy.proxy = "http://127.0.0.1:1" -- nobody listens there
    return copy
  end

  it("of configure holds at the next call", function()
    local options = face.options(sb, { retries = 0, gateway = sb.https, ca_file = sb.ca_file })
    assert(itrigger.configure(broken(options)))
    local res, err = itrigger.get(face.echo_get)
    assert.is_nil(res)
    assert.equal("network", err.kind)

    assert(itrigger.configure(options))
    assert.equal(200, assert(itrigger.get(face.echo_get)).code)
  end)

  it("of a client holds while the earlier client lives", function()
    local options = face.options(sb, { retries = 0, gateway = sb.https, ca_file = sb.ca_file })
    local earlier = assert(itrigger.new(broken(options)))
    local _, err = earlier:token()
    assert.equal("network", err.kind)

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

  -- A password of Redis, too: the source of the wrong one was given to whoever came with the right one.
  local lacks = redis.missing()
  if lacks then
    pending("in token_store over Redis: " .. lacks)
    return
  end

  describe("in token_store over Redis", function()
    local options, server

    local function open(password)
      options.token_store = server.address .. "?password=" .. password
      return assert(itrigger.new(options))
    end

    before_each(function()
      server = redis.start { password = "right" }
      options = face.options(sb)
    end)

    after_each(function()
      server:remove()
    end)

    it("holds while the earlier client lives", function()
      local earlier = open("wrong")
      local _, err = earlier:token()
      assert.equal("store", err.kind)

      local client = open("right")
      assert(client:token())
      client:close()
      earlier:close()
    end)

    it("gives no token for a wrong password", function()
      local client = open("right")
      assert(client:token())

      local other = open("wrong")
      local token, err = other:token()
      assert.is_nil(token)
      assert.equal("store", err.kind)
      other:close()
      client:close()
    end)
  end)
end)

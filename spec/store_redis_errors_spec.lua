-- What a Redis that is not as it should be is told to its user: each error names the cause and the way out. And the
-- rights that a user of Redis needs: these, and none of them can be left out.
local client = require "itrigger.client"
local face = require "spec.support.face"
local redis = require "spec.support.redis"
local sandbox = require "spec.support.sandbox"

local RIGHTS = { "get", "set", "time", "eval", "evalsha" }

-- The words of ACL SETUSER, without one of the rights.
local function user(without, more)
  local words = { "ACL", "SETUSER", "itr", "reset", "on", ">w0rd", "~shop:itrigger:*", "-@all" }
  for _, right in ipairs(RIGHTS) do
    if right ~= without then
      words[#words + 1] = "+" .. right
    end
  end
  words[#words + 1] = more
  return words
end

local unpack = table.unpack or unpack -- luacheck: ignore

-- name · what is done to the server · address (%s: its port) · words of the error
local troubles = {
  { "has no EVAL", config = { 'rename-command EVAL ""', 'rename-command EVALSHA ""' },
    words = { "EVALSHA", "swapped" } },
  { "has no TIME", config = { 'rename-command TIME ""' }, words = { "TIME", "age" } },
  { "has fewer dbs", address = "redis://127.0.0.1:%s/20", words = { "does not have the db" } },
  { "has no password", address = "redis://:w0rd@127.0.0.1:%s", words = { "has no password", "leave it out" } },
  { "is a cluster", config = { "cluster-enabled yes" }, address = "redis://127.0.0.1:%s/1",
    words = { "cluster", "leave the db out" } },
  { "is a cluster without slots", config = { "cluster-enabled yes" }, words = { "cluster is down" } },
  { "is a Sentinel", sentinel = true, words = { "Sentinel", "redis+sentinel://" } },
  { "is not a Sentinel", address = "redis+sentinel://127.0.0.1:%s/shop", words = { "not a Sentinel", "26379" } },
  { "is a Sentinel that does not know the master", sentinel = true,
    address = "redis+sentinel://127.0.0.1:%s/shop", words = { "does not know a master" } },
  { "misses its replicas", config = { "min-replicas-to-write 1" }, words = { "too few replicas" } },
  { "takes no more clients", hold = true, words = { "maxclients" } },
  { "is another program", address = "redis://%s", words = { "makes no sense" } },
}

describe("token_store redis: that", function()
  local lacks = redis.missing()
  if lacks then
    pending(lacks)
    return
  end

  local sb, server

  setup(function()
    sb = sandbox.shared()
  end)

  before_each(function()
    sb:reset()
  end)

  after_each(function()
    if server then
      server:remove()
      server = nil
    end
  end)

  -- The first token of a new app: the token, or nil and the error.
  local function token(address)
    local made = assert(client.new(face.options(sb, { token_store = address })))
    local got, err = made:token()
    made:close()
    return got, err
  end

  for _, trouble in ipairs(troubles) do
    it(trouble[1] .. " is told, and nothing is fetched", function()
      server = redis.start { port = true, config = trouble.config, sentinel = trouble.sentinel }
      local held
      if trouble.hold then
        held = assert(io.popen("redis-cli -s " .. server.socket .. " BLPOP nothing 0 >/dev/null 2>&1", "w"))
        repeat
        until server:says("CLIENT", "LIST"):find("cmd=blpop", 1, true)
        assert.equal("OK", server:says("CONFIG", "SET", "maxclients", "1"))
      end
      local place = trouble.address == "redis://%s" and sb.gateway:match("://([^/]+)") or server.port
      local got, err = token((trouble.address or "redis://127.0.0.1:%s"):format(place))
      if held then
        server:signal "KILL"
        held:close()
      end
      assert.is_nil(got)
      assert.equal("store", err.kind)
      for _, word in ipairs(trouble.words) do
        assert.truthy(err.message:find(word, 1, true), err.message)
      end
      assert.falsy(err.message:find("w0rd", 1, true), err.message)
      assert.equal(0, sb:state().fetches)
    end)
  end

  it("gives its user exactly the rights that are needed works, and with one less says so", function()
    server = redis.start { port = true }
    local address = ("redis://itr:w0rd@127.0.0.1:%s/%d?prefix=shop:")
    for _, without in ipairs(RIGHTS) do
      assert.equal("OK", server:says(unpack(user(without))))
      local got, err = token(address:format(server.port, 0))
      if without == "eval" then
        -- It is needed for the first swap that a server sees only.
        assert.truthy(got or err.message:find("lacks a right", 1, true), tostring(err))
      else
        assert.is_nil(got, without)
        assert.truthy(err.message:find("lacks a right", 1, true), err.message)
      end
      assert.equal("OK", server:says("SCRIPT", "FLUSH"))
    end
    assert.equal("OK", server:says(unpack(user())))
    assert.truthy(token(address:format(server.port, 0)))
    local _, err = token(address:format(server.port, 1))
    assert.truthy(err.message:find("lacks a right", 1, true), err.message)
    assert.equal("OK", server:says(unpack(user(nil, "+select"))))
    assert.truthy(token(address:format(server.port, 1)))
    _, err = token(("redis://itr:w0rd@127.0.0.1:%s?prefix=other:"):format(server.port))
    assert.truthy(err.message:find("lacks a right", 1, true), err.message)
  end)
end)

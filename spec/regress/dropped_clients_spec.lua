-- Clients that were dropped, not closed, held their descriptors until Lua happened to collect them: 340 of them ended a
-- script at the usual limit of 1 024.

local face = require "spec.support.face"
local fixture = require "spec.support.fixture"
local needs = require "spec.support.needs"

describe("what was dropped and not closed", function()
  local sb = fixture.sandbox()
  local dir

  before_each(function()
    dir = os.tmpname()
    os.remove(dir)
  end)

  after_each(function()
    os.execute("rm -rf " .. dir)
  end)

  local function runs(text)
    local id, secret = face.app(sb)
    local output, status = face.run([[
      collectgarbage("stop") -- nobody else collects
      local itrigger = require "itrigger"
      local path = os.getenv "SPEC_PATH"
      local function exhaust()
        while io.open("/dev/null") do end
      end
    ]] .. text, {
      ITRIGGER_APP_ID = id, ITRIGGER_APP_SECRET = secret, ITRIGGER_GATEWAY = sb.gateway, SPEC_PATH = face.echo_get,
      ITRIGGER_TOKEN_STORE = "memory:", ITRIGGER_RETRIES = "0",
    }, "ulimit -n 128;")
    assert.equal(0, status, output)
  end

  it("is collected before a client finds no file descriptor", function()
    runs [[
      for i = 1, 200 do
        local client, err = itrigger.new {}
        assert(client, err and i .. ": " .. tostring(err))
        assert(client:get(path))
      end
      assert(io.open("/dev/null")):close()
    ]]
  end)

  it("is collected when a call finds no file descriptor", function()
    runs [[
      local client = assert(itrigger.new {})
      assert(client:token())
      exhaust()
      local res, err = client:get(path)
      assert(res, tostring(err))
    ]]
  end)

  it("is collected when a call of a batch finds no file descriptor", function()
    runs [[
      local client = assert(itrigger.new {})
      assert(client:token())
      exhaust()
      local n = 0
      for result in client:batch { { "GET", path }, { "GET", path }, { "GET", path } } do
        assert(result.response, tostring(result.error))
        n = n + 1
      end
      assert(n == 3)
    ]]
  end)

  for _, store in ipairs { "memory:", "file:%s" } do
    it("is collected when a fetch of the token finds no file descriptor, over " .. store:match("^%a+"), function()
      runs(([[
        local client = assert(itrigger.new { token_store = "%s" })
        exhaust()
        local res, err = client:get(path)
        assert(res, tostring(err))
      ]]):format(store:format(dir)))
    end)
  end

  it("is no excuse where nothing can be collected: the error names the limit", function()
    runs [[
      local client = assert(itrigger.new {})
      assert(client:token())
      local kept = {}
      repeat
        local file = io.open("/dev/null")
        kept[#kept + 1] = file
      until not file
      local res, err = client:get(path)
      assert(res == nil and err.kind == "network" and err.retryable, tostring(err))
      assert(err.message:find("ulimit -n", 1, true), err.message)
    ]]
  end)

  for _, store in ipairs { "memory:", "file:%s", "redis://127.0.0.1:1" } do
    it("is no excuse in a fetch of the token either, over " .. store:match("^%a+"), function()
      local lacks = store:find "^redis" and needs.redis_store()
      if lacks then
        pending(lacks)
      end
      runs(([[
        local client = assert(itrigger.new { token_store = "%s" })
        local kept = {}
        repeat
          local file = io.open("/dev/null")
          kept[#kept + 1] = file
        until not file
        local res, err = client:get(path)
        assert(res == nil and err.message:find("ulimit -n", 1, true), tostring(err))
        assert(not err.message:find("another directory", 1, true), tostring(err))
      ]]):format(store:format(dir)))
    end)
  end
end)

-- What is compiled where it is first used needs no file then.
local face = require "spec.support.face"
local needs = require "spec.support.needs"
local sandbox = require "spec.support.sandbox"

describe("what is loaded later", function()
  local sb, environment

  setup(function()
    sb = sandbox.shared()
  end)

  before_each(function()
    sb:reset()
    local id, secret = face.app(sb)
    environment = {
      ITRIGGER_GATEWAY = sb.gateway, ITRIGGER_APP_ID = id, ITRIGGER_APP_SECRET = secret, ITRIGGER_TOKEN_STORE = "memory:",
    }
  end)

  -- Runs a program whose file descriptors are used up from exhaust() to free().
  local function run(text)
    local output, status = face.run(([[
      local itrigger = require "itrigger"
      local path, kept = %q, {}
      local function exhaust()
        repeat
          local file, why = io.open("/dev/null")
          kept[#kept + 1] = file
        until not file
        assert(not package.loaded["itrigger.groups"] and not pcall(require, "itrigger.groups"))
      end
      local function free()
        for i = 1, #kept do
          kept[i]:close()
        end
        kept = {}
      end
      local function is_told(err)
        assert(tostring(err):find("Too many open files", 1, true), tostring(err))
      end
    ]]):format(face.echo_get) .. text, environment, "ulimit -n 64;")
    assert.same({ "", 0 }, { output, status })
  end

  it("is there when no file descriptor is left", function()
    run [[
      local client = assert(itrigger.new {})
      assert(client:token())
      exhaust()
      local _, err = client.member.query { mobil = 1 }
      assert(err.kind == "usage" and err.message:find('did you mean "mobile"', 1, true), tostring(err))
      for result in client:batch { { "GET", path }, { client.test.get } } do
        is_told(result.error)
      end
      local _, wrong = pcall(client:pages(path))
      is_told(wrong)
      assert(client:metrics():find("itrigger_calls_total", 1, true))
      free()
      assert(client.test.get())
    ]]
  end)

  it("is told as what it is where it is not read with the library: the store of Redis", function()
    run [[
      exhaust()
      local client, err = itrigger.new { token_store = "redis://127.0.0.1" }
      assert(client == nil and err.kind == "config")
      is_told(err)
      assert(not tostring(err):find("no file", 1, true), tostring(err))
    ]]
  end)

  it("is there in luv when no file descriptor is left", function()
    local lacks = needs.module("luv", "lua-luv")
    if lacks then
      pending(lacks)
      return
    end
    run [[
      local uv = require "luv"
      local client = assert(itrigger.new {})
      local timer, n = uv.new_timer(), 0
      local function in_loop(body)
        timer:start(0, 0, coroutine.wrap(body))
        uv.run()
      end
      in_loop(function()
        exhaust()
        local res, err = client:get(path)
        is_told(err)
        assert(res == nil and err.kind == "network" and err.retryable)
        free()
        n = n + 1
      end)
      in_loop(function()
        assert(client:get(path))
        n = n + 1
      end)
      assert(n == 2)
    ]]
  end)

  it("is there in cqueues when no file descriptor is left", function()
    local lacks = needs.module("cqueues", "lua-cqueues")
    if lacks then
      pending(lacks)
      return
    end
    run [[
      local cqueues = require "cqueues"
      local client, loop = assert(itrigger.new {}), cqueues.new()
      loop:wrap(function()
        exhaust()
        local res, err = client:get(path)
        is_told(err)
        assert(res == nil)
        free()
        assert(client:get(path))
      end)
      assert(loop:loop())
    ]]
  end)

  it("is one module, whatever becomes of package.loaded", function()
    run [[
      local later = require "itrigger.later"
      local groups = later.groups
      assert(package.loaded["itrigger.groups"] == groups)
      package.loaded["itrigger.groups"] = nil
      local testing = require "itrigger.testing"
      local client = testing.client { ["test.get"] = { data = "ok" } }
      for result in client:batch { { client.test.get } } do
        assert(result.response.data == "ok")
      end
      assert(later.groups == groups)
    ]]
  end)

  it("compiles nothing that a call by its path does not need", function()
    run [[
      assert(itrigger.get(path))
      local needed = {}
      for name in ("async channels check client core errors json later options"):gmatch "%l+" do
        needed["itrigger." .. name] = true
      end
      for name in pairs(package.loaded) do
        assert(needed[name] or not name:find "^itrigger%.", name)
      end
    ]]
  end)
end)

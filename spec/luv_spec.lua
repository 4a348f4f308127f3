-- Promise 11 in libuv's loop, by lua-luv: what event_loops_spec.lua does not show of it.
local face = require "spec.support.face"
local fixture = require "spec.support.fixture"
local luv = require "spec.support.luv"

local each_turn, run, spawn, uv = luv.each_turn, luv.run, luv.spawn, luv.uv

describe("luv", function()
  local lacks = luv.missing()
  if lacks then
    pending(lacks)
    return
  end

  local client
  local sb = fixture.client(function(c)
    client = c
  end)

  it("waits between repeats without blocking", function()
    assert(client:token())
    sb:fault { kind = "too_many", path = "api", retry_after = 1 }
    local order = {}
    run(function()
      spawn(function()
        assert(client:get(face.echo_get))
        order[#order + 1] = "repeated"
      end)
      spawn(function()
        assert(client:get(face.echo_get))
        order[#order + 1] = "other"
      end)
    end)
    assert.same({ "other", "repeated" }, order)
  end)

  it("is blocked by a call outside a coroutine, and before it runs", function()
    local res
    run(function()
      res = assert(client:get(face.echo_get))
    end)
    assert.equal(200, res.code)
    spawn(function()
      res = assert(client:get(face.echo_get, { n = 2 }))
    end)
    assert.equal(200, res.code)
    assert.equal(2, sb:state().calls[face.echo_get])
  end)

  it("tells usage errors at once, and goes on after an error of the program", function()
    local err
    run(function()
      spawn(function()
        local _
        _, err = client:get("no slash")
      end)
    end)
    assert.equal("usage", err.kind)
    assert.equal("no slash", err.path)
    assert.is_false(uv.loop_alive())
  end)

  -- ---- many calls ----

  local function requests(n)
    local list = {}
    for i = 1, n do
      list[i] = { "GET", face.echo_get, { n = i }, tag = i }
    end
    return list
  end

  it("ends when a batch was left in the middle, and when its coroutine was", function()
    assert(client:token())
    local n = 0
    run(function()
      spawn(function()
        local batch = client:batch(requests(20), { concurrency = 4 })
        assert(batch:next().response)
        n = n + 1
        batch:close()
      end)
      spawn(function()
        local batch = client:batch(requests(20), { concurrency = 4 })
        assert(batch:next().response)
        n = n + 1
        coroutine.yield() -- for ever
      end)
    end)
    assert.equal(2, n)
    assert.is_false(uv.loop_alive())
  end)

  it("gives all results in order, and the rows of pages", function()
    local results, rows
    run(function()
      spawn(function()
        results = client:all(requests(7))
      end)
      spawn(function()
        rows = 0
        local pages = client:pages(face.api .. "/member/point/list", { mobile = face.member.mobile,
          storeNo = face.member.storeNo, pageNum = 1, pageSize = 10 })
        while pages:next() do
          rows = rows + 1
        end
      end)
    end)
    assert.equal(7, #results)
    for i = 1, 7 do
      assert.equal(i, results[i].tag)
    end
    assert.is_true(rows > 10)
  end)

  it("continues when the gateway's pause ends just as a batch checks it, with nothing in flight", function()
    local core = require "itrigger.core"
    local slow, looks, n = core.slow, 0, 0
    core.slow = function(group)
      looks = looks + 1
      return looks == 1 and 0.001 or slow(group)
    end
    package.loaded["itrigger.batch"] = nil
    local batch = require "itrigger.batch"
    core.slow = slow
    local stuck = uv.new_timer()
    run(function()
      stuck:start(5000, 0, uv.stop) -- else the loop would never end
      stuck:unref()
      spawn(function()
        local results = batch.new(client, requests(2), { concurrency = 1 })
        while results:next() do
          n = n + 1
        end
      end)
    end)
    stuck:close()
    assert.equal(2, n)
  end)

  it("paces a batch, and goes on meanwhile", function()
    local core = require "itrigger.core"
    local ticks, n, took = 0, 0, nil
    local timer = uv.new_timer()
    run(function()
      timer:start(1, 1, function()
        ticks = ticks + 1
      end)
      spawn(function()
        local from = core.now()
        local batch = client:batch(requests(4), { rate = 20 })
        local result = batch:next()
        while result do -- no generic for: in one Lua 5.1 cannot yield
          n = n + (result.response and 1 or 0)
          result = batch:next()
        end
        took = core.now() - from
        timer:close()
      end)
    end)
    assert.equal(4, n)
    assert.is_true(took > 3 * 0.05 - 0.002, "took " .. took)
    assert.is_true(ticks > 10)
  end)

  it("is blocked by a call where nothing can yield, and the coroutine stays the program's", function()
    assert(client:token())
    local answer, resumed
    run(function()
      local co = coroutine.create(function()
        answer = ("x"):gsub("x", function()
          return tostring(assert(client:get(face.echo_get)).code)
        end)
        resumed = coroutine.yield()
      end)
      assert(coroutine.resume(co))
      local turns = 0
      each_turn(function()
        turns = turns + 1
        if turns == 20 then
          assert(coroutine.resume(co, "by the program"))
        end
        return turns == 20
      end)
    end)
    assert.equal("200", answer)
    assert.equal("by the program", resumed)
    assert.is_false(uv.loop_alive())
  end)
end)

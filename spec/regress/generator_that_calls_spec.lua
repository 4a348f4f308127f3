-- A batch whose iterator was a coroutine that made a call of its own ended silently: in luv, and over a transport of the
-- program's own that yields, the call's wait was taken for the end of the requests.

local face = require "spec.support.face"
local fixture = require "spec.support.fixture"
local luv = require "spec.support.luv"
local sandbox = require "spec.support.sandbox"

-- Every request is made after a call, in a coroutine of its own.
local function orders(client, n)
  return coroutine.wrap(function()
    for i = 1, n do
      local res = assert(client:get(face.echo_get, { n = i }))
      coroutine.yield { "POST", face.echo_post, { n = i }, tag = res.code + i }
    end
  end)
end

describe("a generator that calls", function()
  local client
  local sb = fixture.client(function(c)
    client = c
  end)

  local function take_all(batch)
    local tags, result = {}, batch:next()
    while result do
      assert(result.response)
      tags[result.tag] = true
      result = batch:next()
    end
    return tags
  end

  local function in_luv(body)
    local lacks = luv.missing()
    if lacks then
      pending(lacks)
    end
    luv.run(function()
      luv.spawn(body)
    end)
    assert.is_false(luv.uv.loop_alive())
  end

  it("gives a batch its requests in luv", function()
    local tags
    local pulls, next_order = 0, orders(client, 5)
    in_luv(function()
      tags = take_all(client:batch(function()
        pulls = pulls + 1
        return next_order()
      end, { concurrency = 3 }))
    end)
    assert.is_true(pulls < 60, pulls .. " pulls: it spins") -- two or three a request
    assert.same({ [201] = true, [202] = true, [203] = true, [204] = true, [205] = true }, tags)
    assert.equal(5, sb:state().calls[face.echo_post])
    assert.equal(5, sb:state().calls[face.echo_get])
  end)

  it("may be in another generator, call with another client, and ask for a token", function()
    local other = face.client(sb)
    local n
    in_luv(function()
      n = 0
      local batch = client:batch(coroutine.wrap(function()
        local inner = client:batch(orders(other, 4), { concurrency = 2 })
        local result = inner:next()
        while result do
          assert(other:refresh())
          coroutine.yield { "GET", face.echo_get }
          result = inner:next()
        end
      end))
      while batch:next() do
        n = n + 1
      end
    end)
    other:close()
    assert.equal(4, n)
  end)

  -- A result that came meanwhile took the innermost call out of those that are woken.
  it("may be in another generator while the outer batch gives a result", function()
    assert(client:token())
    sb:fault { kind = "delay", ms = 200, path = face.echo_post, times = 1 }
    local order = {}
    if not in_luv(function()
      local batch = client:batch(coroutine.wrap(function()
        coroutine.yield { "POST", face.echo_post, { n = 1 }, tag = "first" }
        sb:fault { kind = "hold", path = face.echo_get }
        local inner = client:batch(orders(client, 1))
        coroutine.yield { "POST", face.echo_post, { n = 2 }, tag = inner:next().tag }
      end), { concurrency = 2 })
      order[1] = batch:next().tag
      local watchdog = luv.uv.new_timer()
      watchdog:start(10000, 0, luv.uv.stop)
      luv.each_turn(function()
        return sb:state().held == 1 and sb:release()
      end)
      order[2] = batch:next().tag
      watchdog:close()
    end) then
      return
    end
    assert.same({ "first", 201 }, order)
  end)

  -- The notifier rang for it while only a call of another client was waited for.
  it("may be in another generator, and be answered while nobody waits for the outer batch", function()
    local inner, other = face.client(sb), face.client(sb)
    for _, one in ipairs { client, inner, other } do
      assert(one:token())
    end
    sb:fault { kind = "delay", ms = 200, path = face.echo_post, times = 1 }
    local order = {}
    in_luv(function()
      local batch = client:batch(coroutine.wrap(function()
        coroutine.yield { "POST", face.echo_post, { n = 1 }, tag = "first" }
        sb:fault { kind = "hold", path = face.echo_get }
        local result = client:batch(orders(inner, 1)):next()
        coroutine.yield { "POST", face.echo_post, { n = 2 }, tag = result.tag }
      end), { concurrency = 2 })
      order[1] = batch:next().tag
      repeat
        assert(other:post(face.echo_post))
      until sb:state().held == 1
      sb:release()
      for _ = 1, 20 do
        assert(other:post(face.echo_post))
      end
      local watchdog = luv.uv.new_timer()
      watchdog:start(10000, 0, luv.uv.stop)
      order[2] = batch:next().tag
      watchdog:close()
    end)
    inner:close()
    other:close()
    assert.same({ "first", 201 }, order)
  end)

  it("gives results while it waits", function()
    assert(client:token())
    local order = {}
    in_luv(function()
      local sent = 0
      local batch = client:batch(coroutine.wrap(function()
        coroutine.yield { "POST", face.echo_post, { n = 1 }, tag = "first" }
        sb:fault { kind = "hold", path = face.echo_get }
        assert(client:get(face.echo_get))
        sent = sent + 1
        coroutine.yield { "POST", face.echo_post, { n = 2 }, tag = "second" }
      end), { concurrency = 2 })
      local result = batch:next()
      assert.equal(0, sent)
      order[1] = result.tag
      luv.each_turn(function()
        return sb:state().held == 1 and sb:release()
      end)
      order[2] = batch:next().tag
    end)
    assert.same({ "first", "second" }, order)
  end)

  it("leaves nothing behind when its batch is closed", function()
    assert(client:get(face.echo_get))
    sb:fault { kind = "hold", path = face.echo_get }
    local batch
    in_luv(function()
      batch = client:batch(coroutine.wrap(function()
        coroutine.yield { "POST", face.echo_post, { n = 1 } }
        client:get(face.echo_get)
      end), { concurrency = 2 })
      assert(batch:next().response)
      batch:close()
    end)
    sb:release()
  end)

  -- Its call counted as waited for, and uv.run never returned.
  it("keeps no loop alive when its batch had its result before it began to wait", function()
    local own = face.client(sb, { timeout = 1 })
    assert(own:get(face.echo_get))
    sb:fault { kind = "hold", path = face.echo_get }
    local watchdog = luv.uv and luv.uv.new_timer()
    in_luv(function()
      watchdog:start(20000, 0, luv.uv.stop)
      watchdog:unref()
      local batch = own:batch(coroutine.wrap(function()
        coroutine.yield { "POST", face.echo_post, { n = 1 } }
        for _ = 1, 10 do -- the engine takes the answer meanwhile
          sb:state()
        end
        own:get(face.echo_get)
      end), { concurrency = 2 })
      assert(batch:next().response)
    end)
    watchdog:close()
    sb:release()
    own:close()
  end)

  it("keeps no loop alive when it closes its batch before it calls", function()
    local own = face.client(sb, { timeout = 1 })
    assert(own:token())
    sb:fault { kind = "hold", path = face.echo_get }
    local batch, given
    in_luv(function()
      batch = own:batch(coroutine.wrap(function()
        batch:close()
        own:get(face.echo_get)
      end))
      given = batch:next()
    end)
    assert.is_nil(given)
    sb:release()
    own:close()
  end)

  it("that is the program's own to resume raises when its missing value is used", function()
    local ok, err
    in_luv(function()
      ok, err = pcall(function()
        return orders(client, 1)()[1]
      end)
    end)
    assert.is_false(ok)
    assert.truthy(err:find("has no value yet", 1, true), err)
  end)

  it("raises, over a transport that yields to the batch", function()
    local own = face.client(sb, { transport = {
      send = function(request)
        coroutine.yield()
        local answer = sandbox.request(request.url, { "--request", request.method })
        return { status = answer.status, headers = {}, body = answer.body }
      end,
      sleep = function() end,
    } })
    assert(own:token())
    local batch = own:batch(orders(own, 5))
    local ok, err = pcall(batch.next, batch)
    assert.is_false(ok)
    assert.truthy(tostring(err):find("waits for a call of its own", 1, true), tostring(err))
    own:close()
  end)
end)

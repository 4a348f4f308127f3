-- Promise 11 in event loops that are modules of Lua: a call in a coroutine of the loop does not block it, and a call
-- elsewhere blocks as in a script.
local face = require "spec.support.face"
local fixture = require "spec.support.fixture"
local loops = require "spec.support.loops"

for _, loop in ipairs(loops) do
  describe(loop.name, function()
    local lacks = loop.missing()
    if lacks then
      pending(lacks)
      return
    end

    local run, turn = loop.run, loop.turn
    local client
    local sb = fixture.client(function(c)
      client = c
    end)

    -- So many coroutines in which body runs, and one that waits until the gateway holds `held` requests, sees the loop turn
    -- 20 times and then releases them.
    local function run_while_held(count, held, body, during)
      local bodies, turns = {}, 0
      for i = 1, count do
        bodies[i] = body
      end
      bodies[count + 1] = function()
        while sb:state().held < held do
          turn()
        end
        for _ = 1, 20 do
          turns = turns + 1
          during()
          turn()
        end
        sb:release()
      end
      run((table.unpack or unpack)(bodies)) -- luacheck: ignore
      assert.equal(20, turns)
    end

    it("keeps running while 50 calls are in flight", function()
      assert(client:token())
      sb:fault { kind = "hold", path = "api", times = 50 }
      local done = 0
      run_while_held(50, 50, function()
        assert(client:get(face.echo_get))
        done = done + 1
      end, function()
        assert.equal(0, done)
      end)
      assert.equal(50, done)
      assert.equal(50, sb:state().calls[face.echo_get])
    end)

    it("tells on_call of each call before its coroutine goes on", function()
      local told, bodies = {}, {}
      local watched = face.client(sb, { on_call = function(call)
        told[#told + 1] = call
      end })
      for i = 1, 10 do
        bodies[i] = function()
          local res, err
          if i == 10 then
            res, err = watched:get("no path")
          else
            res, err = watched.test.get()
          end
          local call = told[#told]
          assert.equal(i == 10 and "usage" or nil, call.kind)
          assert.equal((res or err).elapsed, call.elapsed)
        end
      end
      run((table.unpack or unpack)(bodies)) -- luacheck: ignore
      assert.equal(10, #told)
      watched:close()
    end)

    it("keeps running while the token is fetched, which happens once", function()
      sb:fault { kind = "hold", path = "token" }
      local done, source = 0, nil
      run_while_held(10, 1, function()
        local _
        _, _, source = client:token()
        assert(client:get(face.echo_get))
        done = done + 1
      end, function()
        assert.equal(0, done)
      end)
      assert.equal(10, done)
      assert.equal("gateway", source)
      assert.equal(1, sb:state().fetches)
    end)

    it("goes on while a batch is in flight, with all of it at once", function()
      assert(client:token())
      sb:fault { kind = "hold", path = "api", times = 20 }
      local list, tags = {}, {}
      for i = 1, 20 do
        list[i] = { "GET", face.echo_get, { n = i }, tag = i }
      end
      run_while_held(1, 20, function()
        local batch = client:batch(list, { concurrency = 20 })
        local result = batch:next()
        while result do -- Lua 5.1 cannot yield in a generic for
          assert(result.response)
          tags[result.tag] = true
          result = batch:next()
        end
      end, function()
        assert.same({}, tags)
      end)
      assert.equal(20, #tags)
    end)

    it("ends calls by their deadline, and ends itself then", function()
      assert(client:token())
      sb:fault { kind = "hold", path = "api", times = 3 }
      local kinds = {}
      local function body()
        local _, err = client:get(face.echo_get, nil, { timeout = 0.1 })
        kinds[#kinds + 1] = err.kind
      end
      run(body, body, body)
      assert.same({ "timeout", "timeout", "timeout" }, kinds)
    end)

    it("is blocked by a call where nothing can yield", function()
      local answer
      run(function()
        answer = ("x"):gsub("x", function()
          return tostring(assert(client:get(face.echo_get)).code)
        end)
      end)
      assert.equal("200", answer)
    end)
  end)
end

-- When one coroutine closed a batch that another was waiting for, nobody woke that one: it waited for ever in luv and for an
-- hour in nginx; the rows of a list raised that "the batch" is closed. Two coroutines that waited for one batch hung as well;
-- two on one list, or with an iterator that waits, were both told that there is nothing more.

local face = require "spec.support.face"
local fixture = require "spec.support.fixture"
local loops = require "spec.support.loops"

for _, loop in ipairs(loops) do
  describe("in " .. loop.name .. " what another coroutine waits for", function()
    local lacks = loop.missing()
    if lacks then
      pending(lacks)
      return
    end

    local client
    local sb = fixture.client(function(c)
      client = c
    end)

    -- One coroutine waits for the calls of `it`, `count` of them, and another does this meanwhile. Return whether the wait
    -- ended, and what it gave.
    local function wait_and(it, count, meanwhile)
      local ended, given
      assert(client:token())
      sb:fault { kind = "hold", path = "api", times = count }
      loop.run(function()
        given = it:next() -- no pcall: in one Lua 5.1 cannot yield
        ended = true
      end, function()
        while sb:state().held < count do
          loop.turn()
        end
        meanwhile()
      end)
      return ended, given
    end

    local function two()
      return client:batch({ { "GET", face.echo_get, tag = "a" }, { "GET", face.echo_get, tag = "b" } }, { concurrency = 2 })
    end

    it("may be closed: a batch", function()
      local batch, left = two(), nil
      local ended, given = wait_and(batch, 2, function()
        left = batch:close()
      end)
      assert.is_true(ended)
      assert.is_nil(given)
      assert.same({ { index = 1, tag = "a" }, { index = 2, tag = "b" } }, left)
    end)

    it("may be closed: the rows of a list", function()
      local list = client:pages(face.echo_get)
      local ended, row = wait_and(list, 1, function()
        list:close()
      end)
      assert.is_true(ended)
      assert.is_nil(row)
    end)

    it("may not be waited for by two: the rows of a list", function()
      local list = client:pages(face.api .. "/member/point/list", face.member)
      local refused
      local _, row = wait_and(list, 1, function()
        refused = { pcall(list.next, list) }
        sb:release()
      end)
      assert.is_table(row)
      assert.is_false(refused[1])
      assert.truthy(tostring(refused[2]):find("another coroutine is waiting", 1, true), tostring(refused[2]))
    end)

    it("may not be waited for by two: a batch whose iterator waits", function()
      local n, refused = 0, nil
      local batch = client:batch(function()
        n = n + 1
        if n == 1 then
          assert(client:get(face.echo_get))
          return { "GET", face.echo_get }
        end
      end)
      local _, given = wait_and(batch, 1, function()
        refused = { pcall(batch.next, batch) }
        sb:release()
      end)
      assert.equal(200, given.response.code)
      assert.is_false(refused[1])
      assert.truthy(tostring(refused[2]):find("another coroutine is waiting", 1, true), tostring(refused[2]))
    end)

    it("may not be waited for by two: a batch", function()
      local batch = two()
      local refused
      local _, given = wait_and(batch, 2, function()
        refused = { pcall(batch.next, batch) }
        sb:release()
      end)
      assert.is_false(refused[1])
      assert.truthy(tostring(refused[2]):find("another coroutine is waiting", 1, true), tostring(refused[2]))
      assert.equal(200, given.response.code)
    end)
  end)
end

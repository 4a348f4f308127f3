-- What a batch had executed was told nobody when the program's on_progress raised, and client:all told nothing of what it
-- had sent when the iterator or on_progress did.

local face = require "spec.support.face"
local fixture = require "spec.support.fixture"

describe("a batch whose program raises", function()
  local client
  local sb = fixture.client(function(c)
    client = c
  end, { concurrency = 1 })

  local function orders()
    return {
      { "POST", face.echo_post, { n = 1 }, tag = "first" },
      { "POST", face.echo_post, { n = 2 }, tag = "second" },
      { "POST", face.echo_post, { n = 3 }, tag = "third" },
    }
  end

  local function raise_at(n)
    return function(done)
      if done == n then
        error("disk full", 0)
      end
    end
  end

  it("gives the result with the next step when on_progress raised", function()
    local batch = client:batch(orders(), { on_progress = raise_at(1) })
    local ok, err = pcall(batch.next, batch)
    assert.is_false(ok)
    assert.equal("disk full", err)
    for _, tag in ipairs { "first", "second", "third" } do
      local result = batch:next()
      assert.equal(tag, result.tag)
      assert.equal(200, result.response.code)
    end
    assert.is_nil(batch:next())
    assert.equal(3, sb:state().calls[face.echo_post])
  end)

  it("lists it in close, but not one that was never sent", function()
    local batch = client:batch(orders(), { on_progress = raise_at(1) })
    assert.is_false(pcall(batch.next, batch))
    assert.same({ { index = 1, tag = "first" } }, batch:close())
    batch = client:batch({ { "POST", "no slash" } }, { on_progress = raise_at(1) })
    assert.is_false(pcall(batch.next, batch))
    assert.same({}, batch:close())
  end)

  it("all: tells the results and what else was sent, when on_progress raised", function()
    assert(client:token())
    sb:fault { kind = "hold", path = face.echo_post, times = 1 } -- the one that arrives first
    local ok, err = pcall(client.all, client, orders(), { concurrency = 2, on_progress = raise_at(2) })
    assert.is_false(ok)
    assert.equal("disk full", err.reason)
    local held = err.left[1].index
    assert.same({ { index = held, tag = orders()[held].tag } }, err.left)
    for i, order in ipairs(orders()) do
      assert.equal(i ~= held and order.tag or nil, err.results[i] and err.results[i].tag)
    end
    assert.truthy(tostring(err):find("^disk full .*2 results .* 1 requests"), tostring(err))
    assert.equal("! " .. tostring(err), "! " .. err)
  end)

  it("all: tells the results when the iterator raised", function()
    local reason, n = { "db lost" }, 0
    local ok, err = pcall(client.all, client, function()
      n = n + 1
      if n == 3 then
        error(reason)
      end
      return { "POST", face.echo_post, { n = n }, tag = n }
    end)
    assert.is_false(ok)
    assert.equal(reason, err.reason)
    assert.equal(2, #err.results)
    assert.same({}, err.left)
  end)

  it("all: raises what was raised where nothing had been sent", function()
    local ok, err = pcall(client.all, client, function()
      error("at once", 0)
    end)
    assert.is_false(ok)
    assert.equal("at once", err)
  end)
end)

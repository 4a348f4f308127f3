-- Over a transport of the program's own, the answer to a request that had been given up (its batch was continued elsewhere)
-- was taken for the answer to the next request of the batch.

local face = require "spec.support.face"
local fixture = require "spec.support.fixture"

describe("a batch over a transport of the program's own that is continued while its send is under way", function()
  local client
  local meanwhile -- what send does before it answers
  local sb = fixture.sandbox()

  before_each(function()
    client = face.client(sb, {
      transport = {
        send = function(request)
          local n = request.url:match "&n=(%d)"
          meanwhile(n)
          return { status = 200, body = ('{"code":200,"msg":"ok","data":"%s"}'):format(n) }
        end,
        sleep = function() end,
      },
    })
    assert(client:token())
  end)

  after_each(function()
    client:close()
  end)

  local function two()
    return client:batch { { "GET", face.echo_get, { n = 1 } }, { "GET", face.echo_get, { n = 2 } } }
  end

  it("gives no answer to another request", function()
    local batch = two()
    local inner = {}
    function meanwhile(n)
      if n == "1" then
        inner[1] = batch:next() -- gives up the first request
        inner[2] = coroutine.create(function()
          return batch:next()
        end)
        assert(coroutine.resume(inner[2])) -- sends the second one
      else
        coroutine.yield()
      end
    end

    local last = batch:next()
    assert.equal(1, inner[1].index)
    assert.equal("network", inner[1].error.kind)
    assert.is_false(inner[1].error.retryable)
    assert.equal(2, last.index)
    assert.is_nil(last.response) -- it was given up in its turn
    assert(coroutine.resume(inner[2]))
  end)

  it("raises in a second coroutine, and answers the first", function()
    local batch = two()
    meanwhile = coroutine.yield
    local first = coroutine.create(function()
      return batch:next()
    end)
    assert(coroutine.resume(first))
    local ok, err = coroutine.resume(coroutine.create(function()
      return batch:next()
    end))
    assert.is_false(ok)
    assert.truthy(tostring(err):find("another coroutine is waiting", 1, true), tostring(err))
    local result
    ok, result = coroutine.resume(first)
    assert(ok, result)
    assert.equal("1", result.response.data)
  end)
end)

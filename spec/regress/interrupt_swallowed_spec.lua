-- Ctrl-C during a call was taken for an answer that cannot be decoded, and the program ran on; while a call waited for
-- the network it did nothing at all. Likewise any error of a debug hook.

local face = require "spec.support.face"
local fixture = require "spec.support.fixture"
local fleet = require "spec.support.fleet"
local itrigger = require "itrigger"

local waits = {
  ["client:get"] = { "api", "client:get(worker.path)" },
  ["client:post"] = { "api", "client:post(worker.path, {})" },
  ["a batch"] = { "api", 'for _ in client:batch { { "GET", worker.path } } do end' },
  ["client:all"] = { "api", 'client:all { { "GET", worker.path } }' },
  ["a batch that waits for its rate"] = { "api",
    'for _ in client:batch({ { "GET", worker.path }, { "GET", worker.path } }, { rate = 0.001 }) do end' },
  ["an endpoint"] = { "api", 'client.member.query { mobile = "18899888899", storeNo = "1" }' },
  ["pages"] = { "api", "for _ in client:pages(worker.path) do end" },
  ["client:token"] = { "token", "client:token()" },
  ["a call that waits for its token"] = { "token", "client:get(worker.path)" },
}

describe("Ctrl-C", function()
  local sb = fixture.sandbox()
  local place

  before_each(function()
    place = fleet.place(sb, { token_store = "memory:", timeout = 3600, token_timeout = 600 })
  end)

  after_each(function()
    sb:reset()
    place:remove()
  end)

  for name, wait in pairs(waits) do
    it("ends the program while it waits in " .. name, function()
      sb:fault { kind = "hold", path = wait[1] }
      local one = place:start(1, 'client = assert(require "itrigger".new {}) worker.say(worker.pid()) '
        .. wait[2] .. ' worker.say "went on"')
      local pid = one:line()
      assert.is_true(sb:wait({ held = 1 }).reached)
      os.execute("kill -INT " .. pid)
      local said = {}
      for line in pairs(one:rest()) do
        said[#said + 1] = line
      end
      said = table.concat(said, "\n")
      if not face.interpreter():find("lua%-host") then -- which has no handler of SIGINT
        assert.truthy(said:find("interrupted!", 1, true) or said:find("not a string", 1, true), said) -- 5.1, of a table
      end
      assert.falsy(said:find("went on", 1, true), said)
    end)
  end
end)

describe("the error of a debug hook", function()
  local client
  fixture.client(function(c)
    client = c
  end)

  -- Run body with a hook that raises at the n-th call of a C function. Returns whether it did; raises anything else.
  local function hooked(n, body)
    local calls, raised = 0, false
    local ok, err = pcall(function()
      debug.sethook(function()
        calls = calls + (debug.getinfo(2, "S").what == "C" and 1 or 0)
        if calls == n and not raised then
          raised = true
          error("from a hook", 0)
        end
      end, "c")
      body()
      debug.sethook()
    end)
    debug.sethook()
    assert.equal(not raised, ok)
    assert.equal(raised and "from a hook" or nil, err)
    return raised
  end

  local function must(res, err)
    if not res then
      error(err, 0)
    end
    return res
  end

  for name, body in pairs {
    ["a call"] = function()
      must(client:get(face.echo_get))
    end,
    ["an endpoint"] = function()
      must(client.member.query(face.member))
    end,
    ["pages"] = function()
      local rows = client.member.point_list:pages(face.member)
      for _ = 1, 3 do
        must(rows())
      end
    end,
    ["client:define"] = function()
      client:define { name = "spec.echo", method = "GET", path = face.echo_get, params = { { "n", type = "count" } } }
      must(client.spec.echo { n = 1 })
    end,
    ["itrigger.encode and decode"] = function()
      must(itrigger.encode(must(itrigger.decode '{"a":[1,2.5,{}],"b":226529926389059299}')))
    end,
  } do
    it("reaches the caller of " .. name .. ", wherever it is raised", function()
      assert(client:token())
      local n = 0
      repeat
        n = n + 1
      until not hooked(n, body)
      assert.is_true(n > 2)
    end)
  end

  it("reaches the caller of a batch, which loses no result", function()
    assert(client:token())
    local n, lost, raised = 0, 0
    repeat
      n = n + 1
      local seen = {}
      local function note(result)
        seen[result.tag] = result.response or error(result.error, 0)
      end
      local batch = client:batch { { "GET", face.echo_get, tag = 1 }, { "GET", face.echo_get, tag = 2 } }
      note(batch:next())
      local result
      raised = hooked(n, function()
        result = batch:next()
      end)
      result = result or batch:next()
      if result then
        note(result)
      end
      lost = lost + (seen[1] and seen[2] and 0 or 1)
      assert.is_nil(batch:next())
    until not raised
    assert.is_true(n > 5)
    assert.equal(0, lost)
  end)
end)

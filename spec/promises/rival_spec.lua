-- Promise 2, where another program fetches tokens for the same app without our store, and each of
-- its fetches ends our token: no endless loop, and the caller is told.
local face = require "spec.support.face"
local fleet = require "spec.support.fleet"
local sandbox = require "spec.support.sandbox"

local token_path = "/itrigger-tenant/v1/basic/accessTokenOpen/token"

-- Both causes that a refusal of a fresh token can have.
local causes = {
  "another program fetches tokens for this app without this token_store",
  "the answer was not about the token",
}

describe("beside a rival that fetches without the store", function()
  local sb, place

  setup(function()
    sb = sandbox.shared()
  end)

  before_each(function()
    sb:reset()
    place = fleet.place(sb)
  end)

  after_each(function()
    sb:reset()
    place:remove()
  end)

  local function token_url()
    local options = place.options
    return ("%s%s?appId=%s&appSecret=%s"):format(sb.gateway, token_path, options.app_id, options.app_secret)
  end

  local function rival_fetches()
    assert.equal(200, sandbox.request(token_url()).status)
  end

  -- What a call that the rival cost its token says: kind "token", and both causes.
  local function check_told(line)
    assert.equal("token: ", line:sub(1, 7), line)
    for _, cause in ipairs(causes) do
      assert.truthy(line:find(cause, 1, true), line)
    end
  end

  it("two calls in turn get a token, the next are told why not, and nobody fetches", function()
    local rounds = 6
    for i = 0, rounds do
      place:make("round " .. i)
    end
    local one = place:start(
      1,
      ("for i = 0, %d do worker.gate('round ' .. i) worker.say(worker.call()) end"):format(rounds)
    )
    for i = 0, rounds do
      one:expect(1, "at round " .. i)
      if i > 0 then
        rival_fetches()
      end
      place:open("round " .. i)
      if i <= 2 then
        one:expect(1, "ok")
      else
        check_told(one:line())
      end
    end
    assert.same({}, one:rest())

    -- Ours: the first, and one after each of two refusals.
    assert.equal(3, sb:state().fetches - rounds)

    -- A process that starts now is told as well, and does not begin anew.
    check_told((next(place:run("worker.say(worker.call())"))))
    assert.equal(3, sb:state().fetches - rounds)
  end)

  it("many calls in a loop each get a token or are told, and few fetches are ours", function()
    local count, calls = fleet.crowd(10, 4), 20
    place:make("rival")
    local crowd = place:start(
      count,
      ([[
        worker.say(worker.call())
        worker.gate "rival"
        for _ = 1, %d do
          worker.say(worker.call())
        end
        worker.say "done"
      ]]):format(calls)
    )
    local told, refused_twice = 0, 0
    for _ = 1, 2 * count do
      local line = crowd:line()
      assert.is_true(line == "ok" or line == "at rival", line)
    end

    -- The rival is a process too; it fetches without a pause until it is told to stop.
    local stop = place.dir .. "/stop"
    local rival = io.popen(
      ("n=0; while [ ! -e '%s' ]; do curl -s --noproxy '*' -o /dev/null '%s' && n=$((n + 1)); done; echo $n"):format(
        stop,
        token_url()
      )
    )
    rival_fetches()
    place:open("rival")
    for line, times in pairs(crowd:rest()) do
      if line:find("^token: .* the gateway refused a fresh token too") then
        refused_twice = refused_twice + times
      elseif line ~= "ok" and line ~= "done" then
        check_told(line)
        told = told + times
      end
    end
    place:mark("stop")
    local theirs = 1 + tonumber(rival:read("*l"))
    rival:close()

    -- The first token, and one for each of two refusals.
    assert.is_true(told > 0)
    assert.is_true(refused_twice <= 2 * count)
    assert.equal(3, sb:state().fetches - theirs)
    assert.is_true(sb:state().calls[face.echo_get] <= 2 * count * (1 + calls))
  end)
end)

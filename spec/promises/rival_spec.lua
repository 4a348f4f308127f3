-- Promise 2, where another program fetches tokens for the same app without our store, and each of
-- its fetches ends our token: no endless loop, and the caller is told.
local fleet = require "spec.support.fleet"
local sandbox = require "spec.support.sandbox"

local token_path = "/itrigger-tenant/v1/basic/accessTokenOpen/token"

-- Both causes that a refusal of a fresh token can have.
local causes = {
  "another program fetches tokens for this app without this token_store",
  "the answer was not about the token",
}

-- Calls until it is told of the rival, and five times more.
local until_told = [[
  worker.say(worker.call())
  worker.gate "rival"
  local n = 0
  repeat
    local outcome = worker.call()
    worker.say(outcome)
    n = n + 1
  until outcome:find("goes on refusing", 1, true) or n == 1000
  for _ = 1, 5 do
    worker.say(worker.call())
  end
]]

describe("beside a rival that fetches without the store", function()
  local sb, place

  setup(function()
    sb = sandbox.shared()
  end)

  before_each(function()
    sb:reset()
    -- The third refusal-caused fetch is far away, however slow the machine is.
    place = fleet.place(sb, { min_refresh_interval = 600 })
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

  -- What a call that the rival cost its token says, whether it was refused twice or nothing is
  -- fetched for it any more: kind "token", and both causes.
  local function check_told(line)
    assert.equal("token: ", line:sub(1, 7), line)
    for _, cause in ipairs(causes) do
      assert.truthy(line:find(cause, 1, true), line)
    end
  end

  it("two calls in turn get a token, the next fail with the reason and fetch nothing", function()
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

  it("calls of many processes in a loop get a token or the reason, and few fetches are ours", function()
    local count = fleet.crowd(10, 4)
    place:make("rival")
    local crowd = place:start(count, until_told)
    local told, refused_twice = 0, 0
    for _ = 1, 2 * count do
      local line = crowd:line()
      assert.is_true(line == "ok" or line == "at rival", line)
    end

    -- The rival is a process too; it fetches without a pause until it is told to stop, or we are gone.
    local fetches = "curl -s --noproxy '*' -o /dev/null '%s' && n=$((n + 1))"
    local goes_on = "[ -d '%s' ] && [ ! -e '%s/stop' ] && kill -0 $PPID"
    local loop = ("n=0; while " .. goes_on .. "; do " .. fetches .. "; done; echo $n"):format(place.dir, place.dir, token_url())
    local rival = io.popen(loop)
    rival_fetches()
    place:open("rival")
    for line, times in pairs(crowd:rest()) do
      if line ~= "ok" then
        check_told(line)
      end
      if line:find("the gateway rejected a new token too", 1, true) then
        refused_twice = refused_twice + times
      elseif line ~= "ok" then
        told = told + times
      end
    end
    place:mark("stop")
    local theirs = 1 + tonumber(rival:read("*l"))
    rival:close()

    -- The first token, and one for each of two refusals.
    assert.is_true(told >= 6 * count)
    assert.is_true(refused_twice <= 2 * count)
    assert.equal(3, sb:state().fetches - theirs)
  end)
end)

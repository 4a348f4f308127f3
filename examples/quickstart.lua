-- Gets a member, changes it, lives through a token that is revoked, and shows an error.
--
--   make demo                                        -- against the sandbox, everything included
--   ITRIGGER_APP_ID=… ITRIGGER_APP_SECRET=… ITRIGGER_GATEWAY=https://… lua examples/quickstart.lua

local itrigger = require "itrigger"

local api = "/itrigger-bff/v2/open/api"
local member = { mobile = "18899888899", storeNo = "1159374785466208256" }

local function say(...)
  print(string.format(...))
end

local sandbox = os.getenv("SANDBOX_DIR") ~= nil

-- Step 3 revokes the token at each run. Tokens that are refused so often look like those of an app that somebody else uses,
-- too: then the library keeps a growing distance between its fetches. Not in this demonstration.
if sandbox then
  assert(itrigger.configure { min_refresh_interval = 0 })
end

-- The sandbox can revoke every token that it has issued.
local function revoke_tokens()
  local curl = "curl --silent --fail --noproxy '*' --output /dev/null"
  local done = os.execute(curl .. (" --data '{\"revoke\":true}' '%s/_sandbox/token'"):format(os.getenv("ITRIGGER_GATEWAY")))
  return done == true or done == 0
end

-- 1. A GET: a path and a table of parameters in, the gateway's envelope as a table out. The token
--    is fetched, kept and renewed behind it.
local res = assert(itrigger.get(api .. "/member/query", member))
say("get   %s: %s, born %s, %s points", res.code, res.data.realName, res.data.birthDay, res.data.point)

-- 2. A POST: the table is the body.
local change = { mobile = member.mobile, storeNo = member.storeNo, city = "北京" }
res = assert(itrigger.post(api .. "/member/modify", change))
say("post  %s: %s, data is %s", res.code, res.message, tostring(res.data))
res = assert(itrigger.get(api .. "/member/query", member))
say("get   %s: the city is %s now", res.code, res.data.city)

-- 3. The token is revoked, as happens whenever somebody else fetches one for the same app. The next
--    call finds out, takes a new token and goes through.
if sandbox and revoke_tokens() then
  res = assert(itrigger.get(api .. "/member/point", member))
  say("get   %s: %s points, with the token revoked under it", res.code, tostring(res.data.currentPoint))
end

-- 4. A call returns its error, as a table with all that is known and one line as a string. (Only `pages` raises
--    it, since a `for` has nowhere to return it to.)
local _, err = itrigger.get(api .. "/member/query", { mobile = "13000000000", storeNo = member.storeNo })
say("error kind %s, code %s, name %s", err.kind, tostring(err.code), tostring(err.name))
say("      %s", tostring(err))

-- 5. A client knows what it and its token have been doing.
local client = assert(itrigger.new())
local token, _, source = client:token()
local stats = client:stats()
say("token %d characters, from %s; good for %.0f s; %d fetched by this process", #assert(token), source,
  stats.expires_in, stats.fetched)
for _, event in ipairs(stats.events) do
  say("      %s: %s", event.why, event.state)
end
client:close()

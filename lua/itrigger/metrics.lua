-- What client:metrics() answers: the text format of Prometheus (version 0.0.4). The names are those of itriggerd where both
-- have one (docs/central-server.md).

local check = require "itrigger.check"
local core = require "itrigger.core"
local errors = require "itrigger.errors"

local concat, sort, ipairs, next, tostring, type = table.concat, table.sort, ipairs, next, tostring, type
local bounds = core.call_bounds

local metrics = {}

local outcomes = { "ok" }
for kind in next, errors.kinds do
  outcomes[#outcomes + 1] = kind
end
sort(outcomes)

-- ---- the format ----

-- Whatever the locale says of decimal points.
local function plain(format, value)
  return (format:format(value):gsub(",", "."))
end

local function number(value)
  return value % 1 == 0 and ("%.0f"):format(value) or plain("%.6f", value)
end

local ESCAPES = { ["\\"] = "\\\\", ['"'] = '\\"', ["\n"] = "\\n" }

local function label(name, value)
  return ('%s="%s"'):format(name, (tostring(value):gsub('[\\"\n]', ESCAPES)))
end

local function sample(lines, name, labels, value)
  lines[#lines + 1] = ("%s{%s} %s"):format(name, labels, number(value))
end

local function family(lines, name, kind, help)
  lines[#lines + 1] = ("# HELP %s %s"):format(name, help)
  lines[#lines + 1] = ("# TYPE %s %s"):format(name, kind)
end

-- ---- the families ----

-- Of stats: field, name, type, help.
local OF_TOKEN = {
  { "age", "itrigger_token_age_seconds", "gauge", "Age of the token." },
  { "expires_in", "itrigger_token_remaining_seconds", "gauge", "Time until the token expires; negative: it has expired." },
  { "refresh_in", "itrigger_token_refresh_seconds", "gauge", "Time until the token is due for refresh." },
  { "fetches_today", "itrigger_fetches_today", "gauge", "Fetches of all who share the store today (Asia/Shanghai)." },
  { "daily_limit", "itrigger_daily_limit", "gauge", "Fetches allowed a day." },
}
-- Of one process, so not where counts of several are shown.
local OF_PROCESS = {
  { "fetched", "itrigger_fetches_total", "counter", "Tokens that this process got from the gateway." },
  { "waiters", "itrigger_waiters", "gauge", "Calls that wait for a token." },
}

local function add_stats(lines, list, app, stats)
  for _, one in ipairs(list) do
    local value = stats[one[1]]
    if value then
      family(lines, one[2], one[3], one[4])
      sample(lines, one[2], app, value)
    end
  end
end

local function add_durations(lines, app, counts)
  local name, sum = "itrigger_call_duration_seconds", 0
  family(lines, name, "histogram", "How long calls took, from start to end; those of kind usage are not counted.")
  for i, n in ipairs(counts.buckets) do
    sum = sum + n
    sample(lines, name .. "_bucket", app .. "," .. label("le", bounds[i] and plain("%.14g", bounds[i]) or "+Inf"), sum)
  end
  sample(lines, name .. "_sum", app, counts.elapsed)
  sample(lines, name .. "_count", app, sum)
end

-- Raise unless shared is nil or made by counts.lua.
function metrics.check(shared)
  if shared ~= nil and not (type(shared) == "table" and check.is_callable(shared.read)) then
    check.wrong_type("metrics", "counts", "counts of itrigger.counts or nil", shared)
  end
end

-- counts: of one client, as core.counts returns them. stats: of the same client. shared: counts of several processes in
-- place of the client's own (counts.lua), or nil.
function metrics.text(counts, stats, shared)
  local lines, app = {}, label("app", counts.app)
  counts = shared and shared.read() or counts
  family(lines, "itrigger_calls_total", "counter", "Calls that ended, by outcome: ok, or the kind of the error.")
  for _, outcome in ipairs(outcomes) do
    sample(lines, "itrigger_calls_total", app .. "," .. label("outcome", outcome), counts.outcomes[outcome])
  end
  add_durations(lines, app, counts)
  family(lines, "itrigger_call_requests_total", "counter", "Requests of calls that were sent, retries included.")
  sample(lines, "itrigger_call_requests_total", app, counts.requests)
  family(lines, "itrigger_call_refusals_total", "counter", "Answers in which the gateway rejected the token.")
  sample(lines, "itrigger_call_refusals_total", app, counts.refused)
  if not shared then
    add_stats(lines, OF_PROCESS, app, stats)
  end
  add_stats(lines, OF_TOKEN, app, stats)
  return concat(lines, "\n") .. "\n"
end

return metrics

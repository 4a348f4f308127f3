-- `itrigger doctor`: looks at everything that a call needs, in the order in which it needs it, and says of each whether it
-- is in order and what to do.

local core = require "itrigger.core"
local terminal = require "itrigger.cli.terminal"

local doctor = {}

local TEST = "/itrigger-tenant/v1/basic/openAPItest/test/get"
local MONTHS = { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12 }

local function capture(command)
  local pipe = io.popen(command .. " 2>/dev/null")
  local text = pipe and pipe:read "*a" or ""
  if pipe then
    pipe:close()
  end
  return text
end

local function quoted(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- Seconds since 1970 of an HTTP date or of one that openssl prints; nil if it is neither.
local function seconds_of(date)
  local day, month, year, h, m, s = date:match "(%d+) (%a%a%a) (%d%d%d%d) (%d+):(%d+):(%d+)"
  if day == nil then
    month, day, h, m, s, year = date:match "(%a%a%a) +(%d+) (%d+):(%d+):(%d+) (%d%d%d%d)"
  end
  if day == nil or MONTHS[month] == nil then
    return nil
  end
  -- Days since 1970, by the count of leap years.
  local y, mo = tonumber(year), MONTHS[month]
  if mo <= 2 then
    y, mo = y - 1, mo + 12
  end
  local days = 365 * y + math.floor(y / 4) - math.floor(y / 100) + math.floor(y / 400)
    + math.floor((153 * (mo - 3) + 2) / 5) + tonumber(day) - 719469
  return days * 86400 + tonumber(h) * 3600 + tonumber(m) * 60 + tonumber(s)
end

-- Report one line. state: "ok", "warning" or "failure".
local function reporter(coloured)
  local colours = { ok = "\27[32m", warning = "\27[33m", failure = "\27[31m" }
  local worst = "ok"
  local function report(state, subject, text)
    if state == "failure" or state == "warning" and worst == "ok" then
      worst = state
    end
    local word = ("%-7s"):format(state)
    io.write(coloured and colours[state] .. word .. "\27[0m" or word, "  ", ("%-14s"):format(subject), "  ",
      terminal.safe(text), "\n")
  end
  return report, function()
    return worst
  end
end

local function check_secret_file(report, path)
  local mode = capture("stat -L -c '%a %U' " .. quoted(path)):match "^(%d+) %S+"
  if mode == nil then
    report("failure", "secret file", path .. " cannot be read; check the path and its owner")
  elseif mode:sub(-1) ~= "0" then
    report("failure", "secret file", ("%s has mode %s, so other users can read it: chmod 600 %s"):format(path, mode, path))
  else
    report("ok", "secret file", ("%s, mode %s"):format(path, mode))
  end
end

local function check_certificate(report, gateway, ca_file)
  local host, port = gateway:match "^https://([^:/]+):?(%d*)"
  if host == nil then
    report("ok", "certificate", "plain http on loopback")
    return
  end
  if capture "command -v openssl" == "" then
    report("warning", "certificate", "its end was not looked at: the command openssl is not installed")
    return
  end
  local target = quoted(host .. ":" .. (port ~= "" and port or "443"))
  local text = capture(("openssl s_client -connect %s -servername %s %s </dev/null | openssl x509 -noout -enddate"):format(
    target, quoted(host), ca_file and "-CAfile " .. quoted(ca_file) or ""))
  local ends = seconds_of(text:match "notAfter=(.*)" or "")
  if ends == nil then
    report("warning", "certificate", "its end could not be read from " .. host)
    return
  end
  local days = math.floor((ends - os.time()) / 86400)
  report(days < 14 and "warning" or "ok", "certificate", ("of %s ends in %d days (%s)"):format(host, days,
    os.date("!%Y-%m-%d", ends)))
end

local function check_clock(report, headers)
  local theirs = seconds_of(headers.date or "")
  if theirs == nil then
    report("warning", "clock", "the gateway sends no Date to compare with")
    return
  end
  local difference = os.time() - theirs
  if math.abs(difference) > 60 then
    report("warning", "clock", ("this machine is %d s %s the gateway: set its clock (timedatectl, chrony)"):format(
      math.abs(difference), difference > 0 and "ahead of" or "behind"))
  else
    report("ok", "clock", ("%d s from the gateway's"):format(math.abs(difference)))
  end
end

-- Run all checks on the options that are in force. settings: array of { name, value, from } to show; open() → client |
-- nil, err. Returns "ok", "warning" or "failure".
function doctor.run(settings, options, open)
  local report, worst = reporter(terminal.has_colour(1))
  report("ok", "versions", ("itrigger %s, %s, libcurl %s, lua-cjson %s"):format(core.version,
    rawget(_G, "jit") and rawget(_G, "jit").version or _VERSION, core.curl_version, tostring(require("cjson")._VERSION)))
  for _, setting in ipairs(settings) do
    report("ok", "option", ("%s = %s  (%s)"):format(setting.name, setting.value, setting.from))
  end
  if options.app_secret_file then
    check_secret_file(report, options.app_secret_file)
  end
  local client, err = open()
  if client == nil then
    report("failure", "configuration", tostring(err))
    return worst()
  end
  report("ok", "configuration", "complete")
  local gateway = options.gateway
  if gateway then
    check_certificate(report, gateway, options.ca_file)
  end
  local token, token_err, source = client:token()
  if token == nil then
    report("failure", token_err.kind == "store" and "store" or "token", tostring(token_err))
  else
    local stats = client:stats()
    report("ok", "store", ("%s: readable and writable"):format(stats.store or "?"))
    report(token_err and "warning" or "ok", "token", token_err and tostring(token_err) or
      ("%s from %s, %d fetches today%s"):format(stats.token or "?", source, stats.fetches_today or 0,
        stats.daily_limit and " of " .. stats.daily_limit or ""))
  end
  if token ~= nil then
    local raw
    raw, err = client:get(TEST, nil, { raw = true })
    if raw == nil then
      report("failure", "gateway", tostring(err))
    else
      check_clock(report, raw.headers)
      local res
      res, err = client:get(TEST)
      if res == nil then
        report("failure", "test call", tostring(err))
      else
        report("ok", "test call", ("%s answered %s in %d ms"):format(TEST, tostring(res.code), math.floor(raw.elapsed * 1000 + 0.5)))
      end
    end
  end
  client:close()
  return worst()
end

return doctor

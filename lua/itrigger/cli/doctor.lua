-- `itrigger doctor`: looks at everything that a call needs, in the order in which it needs it, and says of each whether it
-- is in order and what to do.

local core = require "itrigger.core"
local options = require "itrigger.options"
local output = require "itrigger.cli.output"
local settings = require "itrigger.cli.settings"
local shell = require "itrigger.cli.shell"
local terminal = require "itrigger.cli.terminal"

local capture, quoted = shell.capture, shell.word

local doctor = {}

local TEST = "/itrigger-tenant/v1/basic/openAPItest/test/get"
local MONTHS = { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12 }

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
    output.put(coloured and colours[state] .. word .. "\27[0m" or word, "  ", ("%-14s"):format(subject), "  ",
      terminal.safe(text), "\n")
    output.flush() -- the next check may take its time
  end
  return report, function()
    return worst
  end
end

local function cjson_version()
  local found, cjson = pcall(require, "cjson")
  return found and tostring(cjson._VERSION) or "not installed (not needed)"
end

local function check_secret_file(report, path)
  local file, err = io.open(path, "rb")
  if file == nil then
    report("failure", "secret file", ("%s; check the path and its owner"):format(err))
    return
  end
  local status = core.file_status(file)
  file:close()
  if not (status.is_private_to_read and status.is_private_to_write) then
    report("failure", "secret file", ("%s has mode %s, so other users can read or write it: chmod 600 %s"):format(path,
      status.mode, path))
  else
    report("ok", "secret file", ("%s, mode %s"):format(path, status.mode))
  end
end

-- Variables that look like options and are none: a misspelt one is not missed by anybody else.
local function check_environment(report)
  local names, is_known = {}, {}
  for _, name in ipairs { "null", "transport", "profile", "sandbox" } do
    names[#names + 1] = options.variable(name)
  end
  for _, option in ipairs(core.options()) do
    names[#names + 1] = options.variable(option.name)
  end
  for _, name in ipairs(names) do
    is_known[name] = true
  end
  local file = io.open("/proc/self/environ", "rb")
  local text = file and file:read "*a" or ""
  if file then
    file:close()
  end
  for name in ("\0" .. text):gmatch "%z(ITRIGGER_[%w_]*)=" do
    if not is_known[name] then
      local near = core.nearest(name, names)
      report("warning", "environment", ("%s is not read%s"):format(name, near and ("; did you mean %s?"):format(near) or ""))
    end
  end
end

-- The host and port of a gateway's URL, and whether it is https.
local function place_of(gateway)
  local scheme, rest = gateway:match "^(https?)://([^/?#]*)"
  if scheme == nil then
    return nil
  end
  local host, port = rest:match "^%[(.-)%]:?(%d*)$"
  if host == nil then
    host, port = rest:match "^([^:]*):?(%d*)$"
  end
  local is_tls = scheme == "https"
  return host, port ~= "" and port or is_tls and "443" or "80", is_tls
end

local function has(command)
  return capture("command -v " .. command) ~= ""
end

-- A command that ends by itself, where the system has `timeout`.
local function bounded(command)
  return (has "timeout" and "timeout 10 " or "") .. command
end

local function check_dns(report, host)
  if host:find "^[%d.]+$" or host:find ":" then
    report("ok", "DNS", host .. " is an address")
    return
  elseif not has "getent" then
    report("warning", "DNS", "not checked: the command getent is not installed")
    return
  end
  local addresses, seen = {}, {}
  for line in capture(bounded("getent ahosts " .. quoted(host))):gmatch "[^\n]+" do
    local address = line:match "^%S+"
    if not seen[address] then
      seen[address] = true
      addresses[#addresses + 1] = address
    end
  end
  if #addresses == 0 then
    report("failure", "DNS", host .. " has no address: check the option gateway, and the resolver (/etc/resolv.conf)")
  else
    report("ok", "DNS", host .. " is " .. table.concat(addresses, ", "))
  end
end

-- Only its end: whether it is trusted, the first request says.
local function check_certificate(report, host, port)
  if not has "openssl" then
    report("warning", "certificate", "its end was not checked: the command openssl is not installed")
    return
  end
  local target = quoted((host:find ":" and "[" .. host .. "]" or host) .. ":" .. port)
  local text = capture(bounded(("openssl s_client -connect %s -servername %s </dev/null | openssl x509 -noout -enddate"):format(
    target, quoted(host))))
  local ends = seconds_of(text:match "notAfter=(.*)" or "")
  if ends == nil then
    report("warning", "certificate", ("its end could not be read from %s:%s"):format(host, port))
    return
  end
  local days, day = math.floor((ends - os.time()) / 86400), os.date("!%Y-%m-%d", ends)
  if days < 0 then
    report("failure", "certificate", ("of %s ended on %s: the gateway's operator must renew it"):format(host, day))
  else
    report(days < 14 and "warning" or "ok", "certificate", ("of %s ends in %d days (%s)"):format(host, days, day))
  end
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

-- The step that an error without an answer belongs to.
local STEPS = { tls = "TLS", network = "network", timeout = "network", store = "store", config = "configuration" }

local function check_token(report, client)
  local token, err, source = client:token()
  if token == nil then
    local advice = err.kind == "tls" and "; a gateway with a private CA needs the option ca_file" or ""
    report("failure", STEPS[err.kind] or "token", tostring(err) .. advice)
    return false
  end
  local stats = client:stats()
  if err and err.kind == "store" then
    report("failure", "store", tostring(err))
  else
    report("ok", "store", ("%s: the token was %s"):format(stats.store or "?", source == "gateway" and "written" or "read"))
  end
  if err and err.kind ~= "store" then
    report("warning", "token", tostring(err))
  else
    report("ok", "token", ("%s from %s; fetches today: %d%s%s"):format(stats.token or "?", source, stats.fetches_today or 0,
      stats.daily_limit and " of " .. stats.daily_limit or "",
      (source == "file" or source == "redis") and "; the app secret was not needed, so not tried" or ""))
  end
  return true
end

local function check_call(report, client)
  local raw, err = client:get(TEST, nil, { raw = true })
  if raw == nil then
    report("failure", STEPS[err.kind] or "gateway", tostring(err))
    return
  end
  check_clock(report, raw.headers)
  local res
  res, err = client:get(TEST)
  if res == nil then
    report("failure", "test call", tostring(err))
  else
    report("ok", "test call", ("%s answered %s in %d ms"):format(TEST, tostring(res.code), math.floor(raw.elapsed * 1000 + 0.5)))
  end
end

-- Run all checks on the options that are in force. rows: array of { name, value, from } to show; given: their values
-- by name; open() → client | nil, err. Returns "ok", "warning" or "failure".
function doctor.run(rows, given, open)
  local report, worst = reporter(terminal.has_colour(1))
  report("ok", "versions", ("itrigger %s, %s, libcurl %s, lua-cjson %s"):format(core.version,
    rawget(_G, "jit") and rawget(_G, "jit").version or _VERSION, core.curl_version, cjson_version()))
  for _, setting in ipairs(rows) do
    report("ok", "option", ("%s = %s  (%s)"):format(setting.name, setting.value, setting.from))
  end
  check_environment(report)
  if given.app_secret_file then
    check_secret_file(report, given.app_secret_file)
  end
  local client, err = open()
  if client == nil then
    report("failure", "configuration", tostring(err))
    return worst()
  end
  report("ok", "configuration", "complete")
  local host, port, is_tls = place_of(given.gateway)
  if given.proxy then
    report("ok", "network", "through the proxy, which resolves names: DNS and certificate are not checked here")
  elseif host then
    check_dns(report, host)
    if is_tls then
      check_certificate(report, host, port)
    else
      report("ok", "certificate", "plain http on loopback")
    end
  end
  if check_token(report, client) then
    check_call(report, client)
  end
  client:close()
  return worst()
end

-- `itrigger doctor`. Returns the exit status.
function doctor.command(args)
  local rows, values = settings.describe(args)
  local worst = doctor.run(rows, values, function()
    return settings.client(args)
  end)
  return worst == "failure" and 1 or 0
end

return doctor

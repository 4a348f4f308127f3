-- packaging/itriggerd.service on a machine that systemd has booted.
local busted = require "busted"
local eventually = require "spec.support.eventually"
local itriggerd = require "spec.support.itriggerd"
local machine = require "spec.support.machine"
local sandbox = require "spec.support.sandbox"

local SOCKET = "/run/itriggerd/itriggerd.sock"
local CONFIG = "/etc/itriggerd/itriggerd.ini"

describe("the unit of itriggerd", function()
  local why_not = itriggerd.missing() or machine.missing()
  if why_not then
    pending(why_not)
    return
  end

  local f = itriggerd.fixture()
  local m, port, occupant

  busted.setup(function()
    m = machine.boot()
    m:install(itriggerd.program(), "/usr/local/bin/itriggerd")
    m:copy("packaging/itriggerd.service", "/etc/systemd/system/itriggerd.service")
  end)

  busted.teardown(function()
    m:stop()
  end)

  -- The settings of a drop-in of the unit; "" takes it away.
  local function override(text)
    m:write("/etc/systemd/system/itriggerd.service.d/spec.conf", "[Service]\n" .. text .. "\n")
    m:must "systemctl daemon-reload"
  end

  local function configure(more)
    m:write(CONFIG, ("[server]\nlisten = 127.0.0.1:%s\nlisten = unix:%s\n[app shop]\napp_id = %s\ngateway = %s\n"
      .. "[client one]\nkey_sha256 = %s\napps = shop\n%s"):format(port, SOCKET, f.place.app_id, f.sb.gateway,
      itriggerd.shell("printf %s " .. itriggerd.key .. " | sha256sum"):match("%x+"), more or ""))
  end

  before_each(function()
    occupant = f.place:start { app = { refresh = "used" } } -- its port is one that was free
    port = occupant.address:match(":(%d+)$")
    configure()
    m:write("/etc/itriggerd/shop.secret", f.place.app_secret .. "\n", "600")
    m:must "rm -rf /var/lib/private/itriggerd"
    override ""
  end)

  after_each(function()
    m:must "systemctl stop itriggerd; systemctl reset-failed itriggerd || true"
  end)

  local function start()
    occupant:stop()
    m:must "systemctl start itriggerd"
  end

  local function show(property)
    return (m:must("systemctl show --value -p " .. property .. " itriggerd"):gsub("%s+$", ""))
  end

  -- What is wrong with the unit, where it does not become what it should.
  local function await_that(what, ask)
    return eventually(what, ask, function()
      return m:must "journalctl --no-pager -u itriggerd"
    end)
  end

  local function await(property, value)
    await_that(property .. "=" .. value, function()
      local now = show(property)
      return now == value, now
    end)
  end

  local function await_restart()
    await("NRestarts", "1")
    await("ActiveState", "active")
  end

  local function token(key)
    local answer = sandbox.request(("http://127.0.0.1:%s%s"):format(port, f.token_path), { "-H",
      "Authorization: Bearer " .. (key or itriggerd.key) })
    return answer.status, answer.body:match('"accessToken":"([^"]+)"')
  end

  -- The first token: the start does not wait for the gateway.
  local function first_token()
    local _, text = await_that("a token", function()
      local status, text = token()
      return status == 200, text or status
    end)
    return text
  end

  it("starts, and is as locked up as it says", function()
    start()
    assert.equal("active", show "ActiveState")
    assert.truthy(first_token())
    local said = m:must "systemd-analyze security itriggerd"
    local level = tonumber(said:match("Overall exposure level for itriggerd.service: ([%d.]+)"))
    assert.is_true(level ~= nil and level <= 1.5, said)
  end)

  it("keeps its token over kill -9 and over a restart, with one fetch", function()
    start()
    local before = first_token()
    m:must "systemctl kill -s KILL itriggerd"
    await_restart()
    assert.equal(before, first_token())
    m:must "systemctl restart itriggerd"
    assert.equal(before, first_token())
    assert.equal(1, f:fetches())
  end)

  it("reloads where there is no /bin/kill, and not what is wrong", function()
    assert.truthy(select(2, m:run "test -e /bin/kill") ~= 0)
    start()
    first_token()
    local pid = show "MainPID"
    local key = "another-key-0123456789"
    configure(("[client two]\nkey_sha256 = %s\napps = shop\n"):format(
      itriggerd.shell("printf %s " .. key .. " | sha256sum"):match("%x+")))
    m:must "systemctl reload itriggerd"
    await_that("the new key is taken", function()
      local status = token(key)
      return status == 200, status
    end)
    configure "nonsense\n"
    local _, code = m:run "systemctl reload itriggerd"
    assert.is_true(code ~= 0)
    assert.truthy(m:must("journalctl -u itriggerd"):find(CONFIG .. ":10: expected", 1, true))
    assert.equal("active", show "ActiveState")
    assert.equal(pid, show "MainPID")
    assert.equal(200, (token(key)))
  end)

  it("starts by itself once a port is free that was in use", function()
    m:must "systemctl start --no-block itriggerd"
    await_that("two restarts", function()
      local restarts = tonumber(show "NRestarts")
      return restarts >= 2, restarts
    end)
    assert.truthy(m:must("journalctl -u itriggerd"):find("Address already in use", 1, true))
    occupant:stop()
    await("ActiveState", "active")
    assert.truthy(first_token())
  end)

  it("does not start again and again with a configuration that is wrong", function()
    configure "nonsense\n"
    assert.is_true(select(2, m:run "systemctl start itriggerd") ~= 0)
    assert.equal("failed", show "ActiveState")
    assert.equal("0", show "NRestarts")
  end)

  it("gives the socket to members of its group, and to no one else", function()
    m:must "groupadd -f tokens; id reader || useradd -G tokens reader; id stranger || useradd stranger"
    override "Group=tokens"
    start()
    first_token()
    local ask = ([[runuser -u %%s -- perl -MIO::Socket::UNIX -e 'my $s = IO::Socket::UNIX->new("%s") or die "$!\n";
      print $s "GET %s HTTP/1.0\r\n\r\n"; print <$s>']]):format(SOCKET, f.token_path)
    assert.truthy(m:must(ask:format "reader"):find('"accessToken":"', 1, true))
    local said, code = m:run(ask:format "stranger")
    assert.is_true(code ~= 0)
    assert.truthy(said:find("Permission denied", 1, true), said)
  end)

  it("is started again by the watchdog when it stands still", function()
    override "WatchdogSec=2s"
    start()
    local before = first_token()
    m:must "systemctl kill -s STOP itriggerd"
    await_restart()
    assert.equal(before, first_token())
    assert.equal(1, f:fetches())
  end)
end)

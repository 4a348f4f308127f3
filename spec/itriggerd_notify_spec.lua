-- itriggerd and systemd's notify protocol: the service says itself when it serves, reloads, stops and lives.
local await_lines = require "spec.support.await_lines"
local itriggerd = require "spec.support.itriggerd"

if itriggerd.missing() then
  pending(itriggerd.missing())
  return
end

describe("itriggerd tells systemd", function()
  local f = itriggerd.fixture()

  it("when it serves, that it lives, when it reloads and when it stops", function()
    local socket = f.place.dir .. "/notify"
    local script = f.place:write("listen.pl", [[
      use IO::Socket::UNIX; $| = 1;
      my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]) or die $!;
      print "$$\n"; my $m; while (defined $s->recv($m, 4096)) { print "$m\n" }]])
    local pipe = assert(io.popen(("exec timeout 60 perl %s %s"):format(script, socket)))
    local pid = assert(pipe:read("*l"), "no perl here?")
    local function await(text)
      assert(await_lines(pipe:lines(), { text }), "it never said " .. text)
    end
    local path = f.place:write("itriggerd.ini", f.place:config())
    local d = f.place:launch("--config " .. path, "NOTIFY_SOCKET=" .. socket .. " WATCHDOG_USEC=30000000")
    await "READY=1"
    await "WATCHDOG=1"
    d:signal "HUP"
    await "RELOADING=1"
    await "MONOTONIC_USEC="
    await "READY=1"
    d:signal "TERM"
    await "STOPPING=1"
    assert.equal(0, d:wait())
    itriggerd.shell("kill " .. pid)
    pipe:close()
  end)
end)

-- itriggerd's Unix socket when it is somebody's already.
local itriggerd = require "spec.support.itriggerd"
local sandbox = require "spec.support.sandbox"

describe("itriggerd's Unix socket", function()
  if itriggerd.missing() then
    pending(itriggerd.missing())
    return
  end

  local f = itriggerd.fixture()

  it("of a daemon that runs is left alone by a second one, which does not start", function()
    local socket = f.place.dir .. "/socket"
    local config = f.place:write("second.ini", f.place:config { server = { listen = "unix:" .. socket } })
    local first = f.place:launch("--config " .. config)
    local said, code = f.place:run("--config " .. config)
    assert.truthy(said:find("listen = unix:" .. socket, 1, true), said)
    assert.truthy(code == 1 or code == 2, tostring(code))
    local answer = sandbox.request("http://x/healthz", { "--unix-socket", socket })
    assert.equal(200, answer.status)
    assert.equal(0, first:stop())
  end)
end)

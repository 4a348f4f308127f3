-- Started with stderr closed, itriggerd got that number for a socket or a file of the token store, and wrote its log there.
local eventually = require "spec.support.eventually"
local guard = require "spec.support.guard"
local itriggerd = require "spec.support.itriggerd"
local sandbox = require "spec.support.sandbox"

describe("itriggerd without standard files", function()
  if itriggerd.missing() then
    pending(itriggerd.missing())
    return
  end

  local place
  itriggerd.place_for_all(function(made)
    place = made
  end)

  it("serves, and puts nothing else in their places", function()
    local socket = place.dir .. "/socket"
    local path = place:write("closed.ini", place:config { server = { listen = "unix:" .. socket } })
    local pipe = assert(io.popen(("%s --config %s <&- >&- 2>&- & echo $!; wait $!; echo \"exit $?\"")
      :format(itriggerd.program(), path)))
    local pid = pipe:read("*l")
    local running = guard(pid)
    finally(function()
      running:close()
      pipe:close()
    end)
    eventually("it is ready", function()
      local answer = sandbox.request("http://itriggerd/readyz", { "--unix-socket", socket })
      return answer.status == 200, answer.body
    end)
    for fd = 0, 2 do
      assert.equal("/dev/null\n", itriggerd.shell(("readlink /proc/%s/fd/%d"):format(pid, fd)))
    end
    itriggerd.shell("kill " .. pid)
    assert.equal("exit 0", pipe:read("*l"))
  end)
end)

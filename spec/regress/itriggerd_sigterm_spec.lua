-- libmicrohttpd's way of taking its listening socket away from its threads is a race, which ended
-- itriggerd with SIGABRT at one SIGTERM in some hundred, and the more often the more threads it had.
local itriggerd = require "spec.support.itriggerd"

local ROUNDS = 30

describe("itriggerd with many threads", function()
  if itriggerd.missing() then
    pending(itriggerd.missing())
    return
  end

  local place
  itriggerd.place_for_all(function(made)
    place = made
  end)

  for _, kind in ipairs { "TCP", "a Unix socket" } do
    it("ends by SIGTERM with 0 each time, on " .. kind, function()
      local listen = kind == "TCP" and "127.0.0.1:0" or "unix:" .. place.dir .. "/socket"
      for _ = 1, ROUNDS do
        local d = place:start { server = { listen = listen, threads = 64 } }
        assert.equal(0, d:stop())
      end
    end)
  end
end)

-- A worker under valgrind: none of its complaints is about us. Slow, so `make check-all` alone asks
-- for it.
local face = require "spec.support.face"
local needs = require "spec.support.needs"
local nginx = require "spec.support.nginx"
local sandbox = require "spec.support.sandbox"

local function why_not()
  if not os.getenv "ITR_NGINX_UNDER_VALGRIND" then
    return "is asked for by ITR_NGINX_UNDER_VALGRIND=1 (make check-all)"
  end
  return needs.program("valgrind", "valgrind") or nginx.missing()
end

-- The complaints ("Invalid read ...", "... definitely lost ...") in whose stack a function or file of
-- ours is. LuaJIT and nginx have some of their own.
local function about_us(log)
  local found = {}
  for complaint in (log:gsub("==%d+== ?", "") .. "\n\n"):gmatch("(.-)\n%s*\n") do
    local ours = complaint:find("itr_", 1, true) or complaint:find("itrigger/core.so", 1, true)
    if ours and (complaint:find("\n%s+at 0x") or complaint:find("\n%s+by 0x")) then
      found[#found + 1] = complaint
    end
  end
  return found
end

describe("an nginx worker under valgrind", function()
  it("has no complaint about us", function()
    local reason = why_not()
    if reason then
      pending(reason)
      return
    end
    local sb = sandbox.shared()
    sb:reset()
    local words = {}
    for name, value in pairs(face.options(sb, { token_store = "memory:" })) do
      words[#words + 1] = ("%s = %q,"):format(name, value)
    end
    local log = os.tmpname()
    local host = nginx.start {
      -- A worker of the engine stays for the next client, and is reached by a link in its middle: "possibly lost".
      under = "valgrind --leak-check=full --show-leak-kinds=definite --log-file=" .. log,
      main = "daemon off; master_process off;",
      init = ("client = assert(require 'itrigger'.new { %s })"):format(table.concat(words, " ")),
      locations = ([[
        location = /call { content_by_lua_block {
          local res, err = client:get("%s", { n = ngx.var.arg_n }, { timeout = tonumber(ngx.var.arg_timeout) })
          if not res then ngx.status = 502 ngx.say(err.kind) end
          ngx.say("ok")
        } }
      ]]):format(face.echo_get),
    }
    finally(function()
      host:stop()
      os.remove(log)
    end)
    assert.same({ ["200 0"] = 100 }, host:many("/call", 100):counts())
    sb:token { revoke = true }
    assert.same({ ["200 0"] = 20 }, host:many("/call", 20):counts())
    sb:fault { kind = "reset", path = "api", times = 5 }
    assert.same({ ["502 0"] = 5 }, host:many("/call", 5):counts())
    assert.equal("done\n", host:get("/collect").body)
    host:stop()
    local file = assert(io.open(log))
    local text = file:read("*a")
    file:close()
    assert.truthy(text:find("ERROR SUMMARY", 1, true), text)
    assert.same({}, about_us(text))
  end)
end)

-- From 8.19 on libcurl forgets why a request failed when it connects anew, and it repeats by itself what was in flight on an
-- HTTP/2 connection that died. That was taken for a stream that the server refused unread, and a POST was executed twice.
-- From 8.1 to 8.6 the request that had opened such a connection was repeated without a word, and taken for the same.

local face = require "spec.support.face"
local fixture = require "spec.support.fixture"
local nginx = require "spec.support.nginx"

local AT_ONCE = 8

-- A gateway that executes so many POSTs at once, and dies with the last of them before it answered any.
local function start_gateway(sb)
  return nginx.start_http2(sb, {
    http = "lua_shared_dict executed 1m;",
    server = ([[
      location / { return 200 '{"code":200,"data":{"accessToken":"a-token-0123456789","expireTime":7200}}'; }
      location /itrigger-bff/ {
        content_by_lua_block {
          ngx.req.read_body()
          local executed = ngx.shared.executed
          executed:incr(ngx.req.get_body_data():match("%%d+"), 1, 0)
          if executed:incr("all", 1, 0) %% %d == 0 then
            local ffi = require "ffi"
            pcall(ffi.cdef, "int kill(int pid, int signal);")
            ffi.C.kill(ngx.worker.pid(), 9)
          end
          ngx.sleep(3600)
        }
      }]]):format(AT_ONCE),
    locations = [[
      location = /executed {
        content_by_lua_block {
          for n = 1, ]] .. AT_ONCE .. [[ do ngx.print(ngx.shared.executed:get(n) or 0, " ") end
        }
      }]],
  })
end

describe("An HTTP/2 connection that dies", function()
  local lacks = nginx.missing()
  if lacks then
    pending(lacks)
    return
  end

  local sb = fixture.sandbox()

  local function dies_once()
    local host, gateway = start_gateway(sb)
    local client = face.client(sb, { gateway = gateway, ca_file = sb.ca_file, token_store = "memory:" })
    local n, failed = 0, 0
    for result in client:batch(function()
      n = n + 1
      return n <= AT_ONCE and { "POST", face.api .. "/once", { n = n } } or nil
    end, { concurrency = AT_ONCE }) do
      assert.equal("network", result.error.kind)
      assert.is_false(result.error.retryable)
      failed = failed + 1
    end
    client:close()
    assert.equal(AT_ONCE, failed)
    assert.equal(("1 "):rep(AT_ONCE), host:get("/executed").body)
    host:stop()
  end

  -- Whether reading or writing finds it out first differs, and with that what libcurl does.
  it("fails the calls that were in flight on it, and none is executed twice", function()
    for _ = 1, 6 do
      dies_once()
    end
  end)
end)

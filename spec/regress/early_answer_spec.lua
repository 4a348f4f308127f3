-- An HTTP/2 server may answer before it has read the body, and then end the stream (RFC 9113, 8.1). libcurl 7.88 takes
-- that for an error once head and body go out in two steps, as they did when it heard of a ready socket just before a new
-- request's first step: about one POST of 150 of a batch failed.

local core = require "itrigger.core"
local face = require "spec.support.face"
local fixture = require "spec.support.fixture"
local nginx = require "spec.support.nginx"

-- Before 8.1 libcurl itself loses an answer once in a while, on a busy machine (src/transport/curl_loop.h); that nothing of
-- ours adds to it, spec/c/curl_poller_test.c shows.
local major, minor = core.curl_version:match "^(%d+)%.(%d+)"
local may_lose = tonumber(major) < 8 or tonumber(major) == 8 and tonumber(minor) < 1

describe("An HTTP/2 server that answers before it has read the body", function()
  local lacks = nginx.missing()
  if lacks then
    pending(lacks)
    return
  end

  local sb = fixture.sandbox()
  local host

  after_each(function()
    host:stop()
  end)

  it("is heard, although the rest of the body will never be read", function()
    local gateway
    host, gateway = nginx.start_http2(sb, {
      server = [[
        location / { return 200 '{"code":200,"data":{"accessToken":"a-token-0123456789","expireTime":7200}}'; }
        location /itrigger-bff/ { content_by_lua_block { ngx.print('{"code":40000,"message":"not read"}') } }]],
    })
    local client = face.client(sb, { gateway = gateway, ca_file = sb.ca_file, token_store = "memory:" })
    local heard = 0
    for _ = 1, 20 do
      local _, err = client:post(face.api .. "/late", { text = ("x"):rep(200000) }) -- it makes room for 64 KB
      if err.message == "not read" then
        heard = heard + 1
      else
        assert.equal("network", err.kind)
        assert.is_false(err.retryable)
      end
    end
    client:close()
    assert.is_true(heard >= (may_lose and 1 or 20), heard .. " of 20")
  end)

  for _, concurrency in ipairs { 8, 64 } do
    it("loses no POST of a batch, " .. concurrency .. " at once", function()
      local gateway
      host, gateway = nginx.start_http2(sb, {
        server = [[
          keepalive_requests 1000000;
          location / { return 200 '{"code":200,"data":{"accessToken":"a-token-0123456789","expireTime":7200}}'; }]],
      })
      local client = face.client(sb, { gateway = gateway, ca_file = sb.ca_file, token_store = "memory:" })
      local n, errors = 0, {}
      for result in client:batch(function()
        n = n + 1
        return n <= 5000 and { "POST", face.echo_post, { n = n } } or nil
      end, { concurrency = concurrency }) do
        errors[#errors + 1] = result.error and tostring(result.error)
      end
      client:close()
      assert.is_true(#errors <= (may_lose and 20 or 0), #errors .. " of 5000: " .. tostring(errors[1]))
    end)
  end
end)

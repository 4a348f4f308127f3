-- An HTTP/2 server that ends a connection (nginx after keepalive_requests, or when it is reloaded) says
-- GOAWAY and does not read the streams that came too late. Such calls failed as "may have been executed".

local face = require "spec.support.face"
local nginx = require "spec.support.nginx"
local sandbox = require "spec.support.sandbox"

local function client(sb, gateway)
  return face.client(sb, { gateway = gateway, ca_file = sb.ca_file, token_store = "memory:" })
end

-- Posts `count` bodies by a batch; returns how many failed, and the first error.
local function post_all(c, count, concurrency, path, each)
  local n, failed, first = 0, 0, nil
  local batch = c:batch(function()
    n = n + 1
    if n <= count then
      return { "POST", path, { n = n } }
    end
  end, { concurrency = concurrency })
  for result in batch do
    if result.error then
      failed, first = failed + 1, first or tostring(result.error)
    end
    each()
  end
  return failed, first
end

describe("a connection that takes 20 requests", function()
  local sb, c

  before_each(function()
    sb = sandbox.shared()
    sb:reset()
    c = client(sb, sb.goaway)
    assert(c:token())
  end)

  after_each(function()
    c:close()
  end)

  local function executed()
    return sb:state().calls[face.echo_post]
  end

  for _, concurrency in ipairs { 1, 32, 100 } do
    it("loses no POST of a batch and repeats none: " .. concurrency .. " at once", function()
      local failed, first = post_all(c, 400, concurrency, face.echo_post, function() end)
      assert.equal(0, failed, first)
      assert.equal(400, executed())
    end)
  end

  it("loses no POST of calls one by one", function()
    for n = 1, 70 do
      assert(c:post(face.echo_post, { n = n }))
    end
    assert.equal(70, executed())
  end)
end)

describe("an nginx that is reloaded", function()
  local lacks = nginx.missing()
  if lacks then
    pending(lacks)
    return
  end

  it("loses no POST of a batch and executes none twice", function()
    local sb = sandbox.shared()
    local host, port
    for candidate = 21000 + os.time() % 5000, 32000 do -- a port can be taken
      local ok, started = pcall(nginx.start, {
        http = ([[
          lua_shared_dict executed 10m;
          server {
            listen 127.0.0.1:%d ssl http2;
            ssl_certificate "%s/certs/good.pem"; ssl_certificate_key "%s/certs/leaf.key";
            default_type application/json;
            location / {
              content_by_lua_block {
                if ngx.var.uri:find("token", 1, true) then
                  return ngx.say('{"code":200,"data":{"accessToken":"a-token-0123456789","expireTime":7200}}')
                end
                ngx.req.read_body()
                ngx.shared.executed:incr((ngx.req.get_body_data() or ""):match("%%d+"), 1, 0)
                ngx.say('{"code":200,"data":{}}')
              }
            }
          }]]):format(candidate, sb.dir, sb.dir),
        locations = [[
          location = /executed {
            content_by_lua_block {
              local once, more = 0, 0
              for _, key in ipairs(ngx.shared.executed:get_keys(0)) do
                if ngx.shared.executed:get(key) == 1 then once = once + 1 else more = more + 1 end
              end
              ngx.say(once, " ", more)
            }
          }]],
      })
      if ok then
        host, port = started, candidate
        break
      end
      assert.truthy(tostring(started):find("bind", 1, true), started)
    end

    local c = client(sb, "https://localhost:" .. port)
    assert(c:token())
    local done = 0
    local failed, first = post_all(c, 6000, 32, "/itrigger-bff/x", function()
      done = done + 1
      if done % 500 == 0 then
        os.execute(host.command .. " -s reload 2>/dev/null")
      end
    end)
    c:close()
    local answer = host:get("/executed").body
    host:stop()
    assert.equal(0, failed, first)
    assert.equal("6000 0", (answer:gsub("%s+$", "")))
  end)
end)

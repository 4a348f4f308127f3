-- An HTTP/2 server that ends a connection (nginx after keepalive_requests, or when it is reloaded) says
-- GOAWAY and does not read the streams that came too late. Such calls failed as "may have been executed".

local face = require "spec.support.face"
local fixture = require "spec.support.fixture"
local luv = require "spec.support.luv"
local nginx = require "spec.support.nginx"

local RELOADS = 12

-- A gateway that counts how often it executed each body. Its connections have no last request: nginx resets one that had it
-- when it is reloaded in that moment, answers or not, and what it had accepted may have been executed.
local function start_gateway(sb)
  return nginx.start_http2(sb, {
    http = "lua_shared_dict executed 10m;",
    server = [[
      keepalive_requests 1000000;
      location / {
        content_by_lua_block {
          if ngx.var.uri:find("token", 1, true) then
            return ngx.say('{"code":200,"data":{"accessToken":"a-token-0123456789","expireTime":7200}}')
          end
          ngx.req.read_body()
          ngx.shared.executed:incr((ngx.req.get_body_data() or ""):match("%d+"), 1, 0)
          ngx.say('{"code":200,"data":{}}')
        }
      }]],
    locations = [[
      location = /executed {
        content_by_lua_block {
          local once, more = 0, 0
          for _, key in ipairs(ngx.shared.executed:get_keys(0)) do
            if ngx.shared.executed:get(key) == 1 then once = once + 1 else more = more + 1 end
          end
          ngx.print(once, " once, ", more, " more often")
        }
      }]],
  })
end

-- Reloads it so many times while the spec goes on; returns a function that tells whether that is over.
local function reload_often(host)
  local script = ([[
    for i in $(seq %d); do
      old=$(pgrep -P $(cat %s/nginx.pid))
      kill -HUP $(cat %s/nginx.pid)
      until now=$(curl -s --unix-socket %s/socket http://host/pid) && [ "$now" ] && ! echo "$old" | grep -qx "$now"; do
        [ -d %s ] || exit
      done
    done
    : >%s/reloaded
  ]]):format(RELOADS, host.dir, host.dir, host.dir, host.dir, host.dir)
  io.popen("(" .. script .. ") >/dev/null 2>&1 &"):close() -- which, unlike os.execute, does not inherit the host's guard
  return function()
    local file = io.open(host.dir .. "/reloaded")
    assert(file or host:is_there(), "the gateway is gone")
    return file ~= nil and file:close()
  end
end

-- The ways to call. Each posts bodies { n = 1, 2, … } while `go_on(n)`; returns how many, and the errors.
local forms = {}

for _, concurrency in ipairs { 32, 100 } do
  forms[#forms + 1] = { "of a batch, " .. concurrency .. " at once", function(sb, gateway, go_on)
    local client = face.client(sb, { gateway = gateway, ca_file = sb.ca_file, token_store = "memory:" })
    local n, errors = 0, {}
    for result in client:batch(function()
      if go_on(n) then
        n = n + 1
        return { "POST", face.echo_post, { n = n } }
      end
    end, { concurrency = concurrency }) do
      errors[#errors + 1] = result.error and tostring(result.error)
    end
    client:close()
    return n, errors
  end }
end

forms[#forms + 1] = { "of calls one by one", function(sb, gateway, go_on)
  local client = face.client(sb, { gateway = gateway, ca_file = sb.ca_file, token_store = "memory:" })
  local n, errors = 0, {}
  while go_on(n * 6) do -- they take their time
    n = n + 1
    local res, err = client:post(face.echo_post, { n = n })
    errors[#errors + 1] = not res and tostring(err) or nil
  end
  client:close()
  return n, errors
end }

forms[#forms + 1] = { "of 32 coroutines in luv", function(sb, gateway, go_on)
  local lacks = luv.missing()
  if lacks then
    pending(lacks)
  end
  local client = face.client(sb, { gateway = gateway, ca_file = sb.ca_file, token_store = "memory:" })
  local n, errors = 0, {}
  luv.run(function()
    for _ = 1, 32 do
      luv.spawn(function()
        while go_on(n) do
          n = n + 1
          local res, err = client:post(face.echo_post, { n = n })
          errors[#errors + 1] = not res and tostring(err) or nil
        end
      end)
    end
  end)
  client:close()
  return n, errors
end }

forms[#forms + 1] = { "of requests to nginx, 200 at once", function(sb, gateway, go_on, hosts)
  local words = {}
  for name, value in pairs(face.options(sb, { gateway = gateway, ca_file = sb.ca_file, token_store = "memory:" })) do
    words[#words + 1] = ("%s = %q,"):format(name, value)
  end
  local host = nginx.start {
    init = ("client = assert(require 'itrigger'.new { %s })"):format(table.concat(words, " ")),
    locations = ([[
      location /call/ {
        content_by_lua_block {
          local n = ngx.var.uri:match("%%d+") + ngx.var.arg_n
          local res, err = client:post("%s", { n = n })
          if not res then ngx.log(ngx.ERR, "failed: ", tostring(err)) end
        }
      }]]):format(face.echo_post),
  }
  hosts[#hosts + 1] = host
  local n = 0
  while go_on(n) do
    assert.same({ ["200 0"] = 200 }, host:many("/call/" .. n, 200):counts())
    n = n + 200
  end
  local errors = {}
  for text in host:errors():gmatch("failed: [^\n]*") do
    errors[#errors + 1] = text
  end
  return n, errors
end }

describe("an HTTP/2 server that ends its connections loses no POST, and executes none twice,", function()
  local lacks = nginx.missing()
  if lacks then
    pending(lacks)
    return
  end

  local sb = fixture.sandbox()
  local hosts = {}

  after_each(function()
    for _ = 1, #hosts do
      table.remove(hosts):stop()
    end
  end)

  for _, entry in ipairs(forms) do
    local form, post = entry[1], entry[2]

    it(form .. ": after 20 requests each", function()
      local n, errors = post(sb, sb.goaway, function(sent)
        return sent < 400
      end, hosts)
      assert.same({}, errors)
      assert.equal(n, sb:state().calls[face.echo_post])
    end)

    it(form .. ": reloaded " .. RELOADS .. " times", function()
      local host, gateway = start_gateway(sb)
      hosts[1] = host
      local over = reload_often(host)
      local n, errors = post(sb, gateway, function()
        return not over()
      end, hosts)
      assert.same({}, errors)
      assert.equal(n .. " once, 0 more often", host:get("/executed").body)
    end)
  end
end)

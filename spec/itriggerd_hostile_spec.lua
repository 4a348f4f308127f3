-- itriggerd and clients that mean no good: it answers or hangs up, and goes on serving.
local itriggerd = require "spec.support.itriggerd"
local sandbox = require "spec.support.sandbox"

if itriggerd.missing() then
  pending(itriggerd.missing())
  return
end

describe("itriggerd", function()
  local sb, place, d, token_path, fetches

  setup(function()
    sb = sandbox.shared()
    sb:reset()
    place = itriggerd.place(sb)
    d = place:start { client = { apps = "*" } }
    d:await "token app=one"
    fetches = 1
    token_path = "/v1/apps/" .. place.app_id .. "/token"
  end)

  teardown(function()
    place:remove()
  end)

  -- After each: nothing that was done to it keeps others from their token.
  after_each(function()
    assert.equal(200, d:get(token_path).status)
    assert.equal(fetches, sb:state().fetches)
  end)

  -- Sends bytes as they are, and returns all that comes until the other side hangs up.
  local function send(bytes, more)
    local host, port = d.address:match("^(.*):(%d+)$")
    local path = place:write("request", bytes)
    local text = itriggerd.shell(("timeout 60 bash -c 'exec 3<>/dev/tcp/%s/%s; cat %s >&3; %s cat <&3' 2>/dev/null; "
      .. "echo \"exit $?\""):format(host, port, path, more or ""))
    local answer, code = text:match("^(.*)exit (%d+)\n$")
    assert.not_equal("124", code, "it did not hang up")
    return answer
  end

  local function request(more, path)
    return ("GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n%s\r\n"):format(path or token_path, itriggerd.key,
      more or "")
  end

  it("answers two requests that come at once, in order", function()
    local answer = send(request() .. request("Connection: close\r\n", "/nothing"))
    assert.truthy(answer:find("^HTTP/1.1 200 .*HTTP/1.1 404 "), answer)
  end)

  it("refuses a megabyte of headers", function()
    local answer = send(request("X: " .. ("x"):rep(1024 * 1024) .. "\r\n"))
    assert.is_nil(answer:find("HTTP/1.1 200", 1, true))
  end)

  it("refuses a long request line", function()
    assert.is_nil(send(request("", token_path .. "?" .. ("x"):rep(100000))):find("HTTP/1.1 200", 1, true))
  end)

  it("refuses what is no HTTP", function()
    for _, bytes in ipairs { "\0\1\2\3\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\22\3\1\2\0\1\0\1\252\3\3\r\n\r\n",
      "GET " .. token_path .. " HTTP/1.1\r\n\r\n" } do
      assert.is_nil(send(bytes .. request("Connection: close\r\n", "/nothing")):find("HTTP/1.1 200", 1, true))
    end
  end)

  it("refuses a body of no size and one whose size is a lie", function()
    for _, length in ipairs { "-1", "x", "99999999999999999999", "4097" } do
      local bytes = ("POST /v1/apps/%s/refresh HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %s\r\n"
        .. "Connection: close\r\n\r\n{}"):format(place.app_id, itriggerd.key, length)
      assert.is_nil(send(bytes):find("HTTP/1.1 200", 1, true), length)
    end
  end)

  it("hangs up on a client that sends a byte now and then", function()
    assert.is_nil(send("GET / HTTP/1.1\r\nX: ", "while printf x >&3; do sleep 0.2; done;"):find("HTTP/1.1 200", 1, true))
  end)

  it("hangs up on a client that says nothing at all", function()
    assert.equal("", send(""))
  end)

  it("finds no other path behind dots, escapes and bytes that are no UTF-8", function()
    for _, path in ipairs { "/../../etc/passwd", "/v1/apps/../apps/one/token", "/v1/apps/..%2f..%2fetc%2fpasswd/token",
      "/v1/apps/%ff%fe/token", "/v1/apps/%/token", "//v1/apps/one/token", token_path .. "%00", token_path .. "?x=%00",
      "/v1/apps/" .. ("a"):rep(600) .. "/token", "/v1/apps/\255/token" } do
      local answer = d:get(path, { "--path-as-is" })
      assert.is_true(answer.status == 404 or answer.status == 400 or path:find("x=%00", 1, true) ~= nil, path)
    end
  end)

  it("serves others while hundreds of connections say nothing", function()
    local host, port = d.address:match("^(.*):(%d+)$")
    local status = itriggerd.shell(("timeout 60 bash -c 'for i in $(seq 500); do exec {fd}<>/dev/tcp/%s/%s; done; "
      .. "curl -s -o %s/out -w %%{http_code} --noproxy \"*\" -H \"Authorization: Bearer %s\" %s%s'"):format(host, port,
      place.dir, itriggerd.key, d.url, token_path))
    assert.equal("200", status)
  end)

  it("fetches while silent connections take every file that connections may have", function()
    local other = itriggerd.place(sb)
    local path = other:write("few.ini", other:config { app = { token_ttl = 3, refresh_margin = 1, min_refresh_interval = 0 } })
    local e = other:launch("--config " .. path, "prlimit --nofile=80:80")
    e:await "token app=one"
    local host, port = e.address:match("^(.*):(%d+)$")
    local silent = assert(io.popen(("timeout 60 bash -c 'for i in $(seq 150); do exec {fd}<>/dev/tcp/%s/%s; done; echo there; "
      .. "cat <&$fd'"):format(host, port)))
    assert.equal("there", silent:read("*l"))
    for _ = 1, 2 do
      e:await "token app=one"
    end
    e:stop()
    silent:close()
    assert.is_nil(table.concat(e.log, "\n"):find("Too many open files", 1, true))
    other:remove()
    fetches = sb:state().fetches -- the other's too
  end)

  it("lets hundreds wait for a newer token on its two threads, and serves others meanwhile", function()
    local fence = d:get(token_path).json.data.fence
    local url = ("%s%s?newer_than=%d&wait=3&x=[1-300]"):format(d.url, token_path, fence)
    local waiting = assert(io.popen(("timeout 60 curl -sS --no-progress-meter --parallel --parallel-immediate "
      .. "--parallel-max 300 --noproxy '*' -o %s/out -w '%%{http_code}\\n' -H 'Authorization: Bearer %s' '%s'"):format(
      place.dir, itriggerd.key, url)))
    assert.equal(200, d:get(token_path).status)
    local counts = {}
    for status in waiting:lines() do
      counts[status] = (counts[status] or 0) + 1
    end
    waiting:close()
    assert.same({ ["200"] = 300 }, counts)
  end)

  it("ends within its time by SIGTERM, whatever hangs on it", function()
    local other = itriggerd.place(sb)
    local e = other:start()
    e:await "token app=one"
    local host, port = e.address:match("^(.*):(%d+)$")
    local hanging = assert(io.popen(("timeout 60 bash -c 'exec 3<>/dev/tcp/%s/%s; printf \"GET \" >&3; echo there; cat <&3'")
      :format(host, port)))
    assert.equal("there", hanging:read("*l"))
    assert.equal(0, e:stop())
    other:remove()
    fetches = fetches + 1 -- the other's
    hanging:close()
  end)
end)

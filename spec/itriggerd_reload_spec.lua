-- itriggerd's reloads that come to nothing, or come while clients wait.
local itriggerd = require "spec.support.itriggerd"
local sandbox = require "spec.support.sandbox"

describe("a reload of itriggerd", function()
  if itriggerd.missing() then
    pending(itriggerd.missing())
    return
  end

  local sb, place, d, cert, path

  setup(function()
    sb = sandbox.shared()
  end)

  -- A new certificate for localhost, in the place of the last one.
  local function make_certificate()
    itriggerd.shell(("umask 077; cd %s; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
      .. "-subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem 2>/dev/null"):format(place.dir))
  end

  before_each(function()
    sb:reset()
    place = itriggerd.place(sb)
    cert = place.dir .. "/cert.pem"
    path = "/v1/apps/" .. place.app_id .. "/token"
    make_certificate()
    d = place:start { server = { tls_cert = cert, tls_key = place.dir .. "/key.pem" } }
    d.url = "https://localhost:" .. d.address:match(":(%d+)")
  end)

  after_each(function()
    place:remove()
    sb:reset()
  end)

  local function reload(said)
    d:signal "HUP"
    return d:await(said)
  end

  -- A request that waits for a token newer than `fence`; returns once it is on its way on a connection
  -- to the server of now.
  local function poll(fence)
    local pipe = assert(io.popen(("curl -sv --noproxy '*' --insecure -H 'Authorization: Bearer %s' "
      .. "'%s%s?newer_than=%s&wait=60' 2>&1"):format(itriggerd.key, d.url, path, fence)))
    repeat
      local line = assert(pipe:read("*l"))
    until line:find("^> GET ")
    return pipe
  end

  it("with new certificates, again and again, is in force at once and ends no request that waits", function()
    local fence = assert(d:get(path, { "--cacert", cert }).body:match('"fence":(%d+)'))
    local polls = {}
    for i = 1, 10 do
      polls[i] = poll(fence)
      make_certificate()
      reload "reload: done"
      assert.equal(200, d:get(path, { "--cacert", cert }).status)
    end
    d:get((path:gsub("token$", "refresh")), { "--insecure", "--data-binary", ('{"refused":%s}'):format(fence) })
    for _, pipe in ipairs(polls) do
      local text = pipe:read("*a")
      pipe:close()
      assert.truthy(text:find('"code":200', 1, true), text)
    end
    assert.equal(0, d:stop())
  end)

  it("that fails leaves no trace: what needs a restart is said again by the next one", function()
    local key = place.dir .. "/key.pem"
    place:write("itriggerd.ini", place:config { server = { listen = "127.0.0.1:1", tls_cert = cert, tls_key = cert } })
    reload("the old configuration stays")
    place:write("itriggerd.ini", place:config { server = { listen = "127.0.0.1:1", tls_cert = cert, tls_key = key } })
    reload("reload: done")
    local _, told = table.concat(d.log, "\n"):gsub("listen changed; it takes effect after a restart", "")
    assert.equal(2, told)
    assert.equal(200, d:get(path, { "--cacert", cert }).status)
  end)
end)

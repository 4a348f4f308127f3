-- itriggerd on Redis: it may be killed at any moment, and two stand by for each other; with TLS.
local client = require "itrigger.client"
local face = require "spec.support.face"
local itriggerd = require "spec.support.itriggerd"
local redis = require "spec.support.redis"

if itriggerd.missing() then
  pending(itriggerd.missing())
  return
end

describe("itriggerd", function()
  local f = itriggerd.fixture()

  describe("on Redis", function()
    local why_not = redis.missing()
    if why_not then
      pending(why_not)
      return
    end

    local server, store

    before_each(function()
      server = redis.start()
      store = { token_store = server.address }
    end)

    after_each(function()
      server:remove()
    end)

    it("keeps its token over kill -9", function()
      local d = f.place:start { server = store }
      d:await "token app=one"
      local first = f.granted(d:get(f.token_path))
      d:stop "KILL"
      d = f.place:start { server = store }
      assert.truthy(d:await("token app=one"):find("from redis", 1, true))
      assert.equal(first.accessToken, f.granted(d:get(f.token_path)).accessToken)
      assert.equal(1, f.sb:state().fetches)
    end)

    it("two share one token: one fetch at the start, and one for a refusal that both hear of", function()
      local a = f.place:start { server = store }
      a:await "token app=one"
      local b = f.place:start { server = store }
      b:await "token app=one"
      local first = f.granted(a:get(f.token_path))
      assert.same(first.fence, f.granted(b:get(f.token_path)).fence)
      assert.equal(1, f.sb:state().fetches)
      local body = ('{"refused":%d}'):format(first.fence)
      local second = f.granted(a:post(f.refresh_path, body))
      assert.equal(second.fence, f.granted(b:post(f.refresh_path, body)).fence)
      assert.equal(2, f.sb:state().fetches)
    end)

    it("one handles a report about a token that only the other had", function()
      local a = f.place:start { server = store, app = { min_refresh_interval = 0 } }
      a:await "token app=one"
      local b = f.place:start { server = store, app = { min_refresh_interval = 0 } }
      b:await "token app=one"
      local first = f.granted(a:get(f.token_path))
      local second = f.granted(a:post(f.refresh_path, ('{"refused":%d}'):format(first.fence)))
      -- b still holds the first; the second is refused, and reported to b.
      local third = f.granted(b:post(f.refresh_path, ('{"refused":%d}'):format(second.fence)))
      assert.is_true(third.fence > second.fence)
      assert.equal(3, f.sb:state().fetches)
    end)

    it("either is killed, clients of both keep calling, and each refresh costs one fetch", function()
      f.sb:token { kind = "overlap", life_ms = 2000 }
      local app = { token_ttl = 2, min_refresh_interval = 0 }
      local a = f.place:start { server = store, app = app, name = "a.ini" }
      a:await "token app=one"
      local b = f.place:start { server = store, app = app, name = "b.ini" }
      b:await "token app=one"
      local c = assert(client.new(f.place:client_options(b, { token_ttl = 2 })))
      local function call_until(d, text)
        assert(c:get(face.echo_get))
        d:await(text)
        assert(c:get(face.echo_get))
      end
      for _ = 1, 2 do
        call_until(b, "token app=one")
      end
      local before = f.sb:state().fetches
      assert.is_true(before <= 4, tostring(before)) -- one at the start, and one for each token that b noted
      a:stop "KILL"
      for _ = 1, 2 do
        call_until(b, "token app=one")
      end
      c:close()
    end)
  end)

  describe("with TLS", function()
    local function serve_with(name)
      itriggerd.shell(("cp %s/certs/%s.pem %s/cert.pem; cp %s/certs/leaf.key %s/cert.key; chmod 600 %s/cert.key"):format(
        f.sb.dir, name, f.place.dir, f.sb.dir, f.place.dir, f.place.dir))
      return { tls_cert = f.place.dir .. "/cert.pem", tls_key = f.place.dir .. "/cert.key" }
    end

    local function https(d)
      return "https://localhost:" .. d.address:match("%d+$")
    end

    it("gives tokens only to clients that verify its certificate", function()
      local d = f.place:start { server = serve_with "good" }
      d:await "token app=one"
      assert.is_nil(d:get(f.token_path).status)
      local c = assert(client.new(f.place:client_options(d, { token_store = https(d), ca_file = f.sb.ca_file })))
      assert(c:get(face.echo_get))
      c:close()
      c = assert(client.new(f.place:client_options(d, { token_store = https(d) })))
      local token, err = c:token()
      assert.is_nil(token)
      assert.equal("store", err.kind)
      c:close()
    end)

    it("of an authority of its own serves clients whose ca_file has both authorities, and no others", function()
      itriggerd.shell(("umask 077; cd %s; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
        .. "-subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout own.key -out own.pem 2>/dev/null; "
        .. "cat own.pem %s >both.pem"):format(f.place.dir, f.sb.ca_file))
      local d = f.place:start { server = { tls_cert = f.place.dir .. "/own.pem", tls_key = f.place.dir .. "/own.key" },
        app = { gateway = f.sb.https, ca_file = f.sb.ca_file } }
      d:await "token app=one"
      local said = {}
      for _, file in ipairs { f.place.dir .. "/both.pem", f.place.dir .. "/own.pem", f.sb.ca_file } do
        local c = assert(client.new(f.place:client_options(d, { token_store = https(d), gateway = f.sb.https, ca_file = file })))
        local result, err = c:get(face.echo_get)
        said[#said + 1] = result and "answer" or err.kind
        c:close()
      end
      assert.same({ "answer", "tls", "store" }, said)
    end)

    it("takes new certificates by SIGHUP, and keeps the old ones when the new are bad", function()
      local d = f.place:start { server = serve_with "good" }
      local function serial()
        return itriggerd.shell(("openssl s_client -connect %s </dev/null 2>/dev/null | openssl x509 -noout -fingerprint")
          :format(d.address))
      end
      local first = serial()
      assert.truthy(first:find("Fingerprint", 1, true), first)
      serve_with "expired"
      d:signal "HUP"
      d:await "reload: done"
      local second = serial()
      assert.truthy(second:find("Fingerprint", 1, true), second)
      assert.not_equal(first, second)
      f.place:write("cert.pem", "junk\n")
      d:signal "HUP"
      d:await "the old configuration stays"
      assert.equal(second, serial())
    end)
  end)
end)

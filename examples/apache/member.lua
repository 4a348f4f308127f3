-- Apache answers GET /member?mobile=…&storeNo=… by asking iTrigger. A call blocks the thread that serves the request, as
-- everything in mod_lua does, and no other; all threads and processes share one token.

local itrigger = require "itrigger"

function handle(r) -- luacheck: ignore 111 131 -- mod_lua calls it by this name
  local arguments = r:parseargs()
  local res, err = itrigger.get("/itrigger-bff/v2/open/api/member/query", {
    mobile = arguments.mobile,
    storeNo = arguments.storeNo,
  })
  r.content_type = "text/plain; charset=utf-8"
  if res then
    r:puts(res.data.realName, "\n")
  else
    r:warn(tostring(err))
    r.status = err.kind == "api" and 404 or 502
    r:puts(err.kind, "\n")
  end
  return apache2.OK
end

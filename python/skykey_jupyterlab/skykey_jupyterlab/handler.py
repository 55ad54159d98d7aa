"""`/skykey/status`, for users of this notebook server."""

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado.web import authenticated


class Status(APIHandler):
    """GET returns the cached status; POST asks the endpoint now."""

    auth_resource = "skykey"

    def initialize(self, watched):
        self.watched = watched

    @authenticated
    @authorized
    async def get(self):
        await self.tell(await self.watched.standing())

    @authenticated
    @authorized
    async def post(self):
        await self.tell(await self.watched.standing(newest=True))

    async def tell(self, standing):
        self.set_header("Cache-Control", "no-store")
        await self.finish(standing.to_json())

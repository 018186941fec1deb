// Reads free/busy as a program with ews-javascript-api does: the address of the server comes from its autodiscover.
//
// Usage: node free_busy.js '{"user": …, "password": …, "mailboxes": […], "start": …, "end": …, "base": …, "version": …}'
//   base: where the servers of all names are on this machine, for example http://127.0.0.1:8080. Without it the client
//         asks DNS, and port 443, as it does by itself.
//   zone: Windows' name of the time zone of the question; UTC if there is none.
//   token, url: of an impersonation role, which acts as the user, and of EWS; there is no password and no autodiscover.
// Prints {"url": the EWS URL that it found, "mailboxes": […], "asked": [requests]} as JSON.
const ews = require("ews-javascript-api");
const { XhrApi } = require("@ewsjs/xhr");

const asked = JSON.parse(process.argv[2]);
const requests = [];

/** Sends what is meant for autodiscover.DOMAIN to this machine; the Host header keeps the name. */
class OnThisMachine extends XhrApi {
  xhr(options, progress) {
    const url = new URL(options.url);
    const headers = { ...options.headers };
    if (asked.base && url.origin !== new URL(asked.base).origin) {
      Object.assign(headers, { Host: url.host, "X-Forwarded-Proto": "https" });
      options = { ...options, headers, url: asked.base + url.pathname + url.search };
    }
    return super.xhr(options, progress).then(
      (answer) => this.keep(options, url, answer),
      (answer) => { throw this.keep(options, url, answer); },
    );
  }

  keep(options, url, answer) {
    const authorized = Boolean((options.headers || {}).Authorization);
    requests.push({ method: options.type, url: url.href, authorized, status: answer.status });
    return answer;
  }
}

/** Returns what the client read of one mailbox. */
function read(mailbox, response) {
  const said = { mailbox, result: ews.ServiceResult[response.Result], code: ews.ServiceError[response.ErrorCode] };
  if (response.Result !== ews.ServiceResult.Success) return said;
  said.view = ews.FreeBusyViewType[response.ViewType];
  said.merged = response.MergedFreeBusyStatus.map((status) => ews.LegacyFreeBusyStatus[status]);
  said.events = response.CalendarEvents.map((event) => ({
    start: event.StartTime.ToISOString(),
    end: event.EndTime.ToISOString(),
    type: ews.LegacyFreeBusyStatus[event.FreeBusyStatus],
    subject: event.Details ? event.Details.Subject : null,
  }));
  const hours = response.WorkingHours;
  said.workingHours = hours && {
    days: hours.DaysOfTheWeek.map((day) => ews.DayOfTheWeek[day]),
    start: String(hours.StartTime.TotalMinutes),
    end: String(hours.EndTime.TotalMinutes),
  };
  return said;
}

async function main() {
  const xhr = new OnThisMachine();
  ews.ConfigurationApi.ConfigureXHR(xhr);
  const zone = asked.zone ? ews.TimeZoneInfo.FindSystemTimeZoneById(asked.zone) : ews.TimeZoneInfo.Utc;
  const service = new ews.ExchangeService(ews.ExchangeVersion[asked.version || "Exchange2010_SP2"], zone);
  service.XHRApi = xhr;
  if (asked.token) {
    service.Credentials = new ews.OAuthCredentials(asked.token);
    service.ImpersonatedUserId = new ews.ImpersonatedUserId(ews.ConnectingIdType.SmtpAddress, asked.user);
    service.Url = new ews.Uri(asked.url);
  } else {
    service.Credentials = new ews.WebCredentials(asked.user, asked.password);
    await service.AutodiscoverUrl(asked.user, () => true);
  }
  const window = new ews.TimeWindow(new ews.DateTime(asked.start), new ews.DateTime(asked.end));
  const attendees = asked.mailboxes.map((mailbox) => new ews.AttendeeInfo(mailbox));
  const options = new ews.AvailabilityOptions();
  options.RequestedFreeBusyView = ews.FreeBusyViewType[asked.view || "DetailedMerged"];
  const answer = await service.GetUserAvailability(attendees, window, ews.AvailabilityData.FreeBusy, options);
  const mailboxes = answer.AttendeesAvailability.Responses.map((one, index) => read(asked.mailboxes[index], one));
  return { url: service.Url.ToString(), mailboxes, asked: requests };
}

main().then(
  (found) => console.log(JSON.stringify(found)),
  (error) => {
    console.error(JSON.stringify({ error: String(error && error.message), asked: requests }), error && error.stack);
    process.exit(1);
  },
);

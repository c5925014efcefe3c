# An application of one page: it asks PostgreSQL and Redis by name.
use strict;
use IO::Socket::INET;
my $server = IO::Socket::INET->new(LocalPort => 8000, Listen => 16, ReuseAddr => 1) or die $!;
$SIG{TERM} = sub { exit 0 };
while (my $client = $server->accept) {
  while (<$client>) { last if /^\r?\n$/ }
  my $visits = `psql -h db -U postgres -tAc "select count(*) from visits" 2>&1`;
  my $hits = `redis-cli -h cache incr hits 2>&1`;
  chomp($visits, $hits);
  print $client "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nvisits $visits hits $hits\n";
  close $client;
}
